import Dispatch

/// Runs independent pieces of work, on all cores where it is worth that, and waits for them.
enum ParallelPass {
    /// The pieces touch nothing of each other: so it does not matter which thread takes which, or when.
    private struct Work: @unchecked Sendable {
        let body: (Int) -> Void
    }

    /// Records times pieces below which threads cost more than they bring.
    private static let leastParallel = 64

    /// - Parameters:
    ///   - rows: records that each piece goes through.
    ///   - isAllowed: false: the calling thread does them all, in order.
    static func run(_ count: Int, rows: Int, isAllowed: Bool, _ body: (Int) -> Void) {
        guard isAllowed, rows * count >= leastParallel else {
            for index in 0..<count { body(index) }
            return
        }
        withoutActuallyEscaping(body) { body in
            let work = Work(body: body)
            DispatchQueue.concurrentPerform(iterations: count) { work.body($0) }
        }
    }
}

import Dispatch

/// Runs independent pieces of work on all cores and waits for them.
enum ParallelPass {
    /// The pieces touch nothing of each other: so it does not matter which thread takes which, or when.
    private struct Work: @unchecked Sendable {
        let body: (Int) -> Void
    }

    static func run(_ count: Int, _ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { body in
            let work = Work(body: body)
            DispatchQueue.concurrentPerform(iterations: count) { work.body($0) }
        }
    }
}

import State

/// The weights: a slot of several floats for every feature and class, the classes of a feature side by side.
///
/// The slot of feature i and class c is element `(i << classShift) + c`; the class stride is a power of two.
final class VowpalTable {
    let array: StateArray<Float>
    let slotCount: Int
    let lanes: Int
    /// What lane 1 of an untouched slot holds.
    private let initialSum: Float
    private(set) var classShift = 0

    init(slotCount: Int, lanes: Int, initialSum: Float) {
        self.slotCount = max(slotCount, 1)
        self.lanes = lanes
        self.initialSum = initialSum
        array = StateArray(count: self.slotCount, lanes: lanes, marksChanges: true)
        fill(fromClass: 0)
    }

    /// Widens the class stride to hold `count` classes; what was learned moves along.
    func grow(toClasses count: Int) {
        let oldShift = classShift
        while 1 << classShift < count { classShift += 1 }
        guard classShift > oldShift else { return }
        array.resize(to: slotCount << classShift)
        let oldFloats = lanes << oldShift
        let newFloats = lanes << classShift
        let base = array.base
        // From the back, so that a slot's new home never covers one that has yet to move.
        for slot in stride(from: slotCount - 1, through: 0, by: -1) {
            let home = base + slot * newFloats
            home.update(from: base + slot * oldFloats, count: oldFloats)
            (home + oldFloats).update(repeating: 0, count: newFloats - oldFloats)
        }
        fill(fromClass: 1 << oldShift)
    }

    private func fill(fromClass first: Int) {
        guard initialSum != 0 else { return }
        for slot in 0..<slotCount {
            for column in first..<(1 << classShift) {
                array.base[((slot << classShift) + column) * lanes + 1] = initialSum
            }
        }
    }

    /// Derives the class stride from the array's length, after it was overwritten.
    func arrayDidChange() {
        classShift = max(array.count / slotCount, 1).trailingZeroBitCount
    }

    /// Pointers for one batch.
    func view() -> VowpalView {
        VowpalView(
            base: array.base, changedPages: array.changedPages, pageShift: array.pageShift, classShift: classShift,
            classStride: 1 << classShift, lanes: lanes, elementCount: array.count, isLarge: array.byteCount > 1 << 20)
    }
}

/// A table's pointers, valid until it grows.
struct VowpalView {
    let base: UnsafeMutablePointer<Float>
    let changedPages: UnsafeMutablePointer<UInt8>
    let pageShift: Int
    let classShift: Int
    /// 1 << classShift: multiplying takes one instruction, shifting by a variable three.
    let classStride: Int
    let lanes: Int
    let elementCount: Int
    /// Beyond the caches near the core: worth prefetching.
    let isLarge: Bool

    @inline(__always)
    func element(_ index: UInt32, _ column: Int) -> Int { Int(index) &* classStride &+ column }

    @inline(__always)
    func mark(_ element: Int) { changedPages[element &>> pageShift] = 1 }
}

/// One record's features.
struct VowpalRow {
    let indices: UnsafePointer<UInt32>
    let values: UnsafePointer<Float>
    let count: Int
}

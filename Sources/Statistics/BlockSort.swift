/// Sorts short blocks of finite numbers: runs of eight by insertion, then merges whose steps have no branch that depends
/// on the data, so that unordered values cost no mispredictions. O(n log n), stable.
enum BlockSort {
    private static let run = 8

    /// - Parameter scratch: room for as many numbers.
    static func sort(_ values: UnsafeMutablePointer<Double>, _ count: Int, scratch: UnsafeMutablePointer<Double>) {
        var start = 0
        while start < count {
            insertionSort(values + start, min(run, count - start))
            start += run
        }
        var source = values
        var target = scratch
        var width = run
        while width < count {
            start = 0
            while start < count {
                let middle = min(start + width, count)
                let end = min(start + 2 * width, count)
                merge(source + start, middle - start, source + middle, end - middle, into: target + start)
                start = end
            }
            swap(&source, &target)
            width *= 2
        }
        if source != values { values.update(from: source, count: count) }
    }

    /// Merges two sorted runs; `target` overlaps neither.
    @inline(__always)
    static func merge(
        _ left: UnsafePointer<Double>, _ leftCount: Int, _ right: UnsafePointer<Double>, _ rightCount: Int,
        into target: UnsafeMutablePointer<Double>
    ) {
        var i = 0
        var j = 0
        while i < leftCount, j < rightCount {
            let a = left[i]
            let b = right[j]
            let takesLeft = a <= b
            target[i &+ j] = takesLeft ? a : b
            i &+= takesLeft ? 1 : 0
            j &+= takesLeft ? 0 : 1
        }
        if i < leftCount { (target + i + j).update(from: left + i, count: leftCount - i) }
        if j < rightCount { (target + i + j).update(from: right + j, count: rightCount - j) }
    }

    @inline(__always)
    private static func insertionSort(_ values: UnsafeMutablePointer<Double>, _ count: Int) {
        guard count > 1 else { return }
        for index in 1..<count {
            let value = values[index]
            var place = index
            while place > 0, values[place - 1] > value {
                values[place] = values[place - 1]
                place -= 1
            }
            values[place] = value
        }
    }
}

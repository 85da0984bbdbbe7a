/// Sorts short blocks of finite numbers: runs of eight by a sorting network, then merges, whose steps have no branch that depends
/// on the data, so that unordered values cost no mispredictions. O(n log n).
public enum BlockSort {
    private static let run = 8

    /// - Parameter scratch: room for as many numbers.
    public static func sort(_ values: UnsafeMutablePointer<Double>, _ count: Int, scratch: UnsafeMutablePointer<Double>)
    {
        var start = 0
        while start < count {
            if count - start >= run { sortEight(values + start) } else { insertionSort(values + start, count - start) }
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
            // The processor's minimum; a comparison for the value and one for the step keep both free of branches.
            target[i &+ j] = b < a ? b : a
            let step = b < a ? 1 : 0
            j &+= step
            i &+= 1 &- step
        }
        if i < leftCount { (target + i + j).update(from: left + i, count: leftCount - i) }
        if j < rightCount { (target + i + j).update(from: right + j, count: rightCount - j) }
    }

    /// The 19 comparators of the smallest network for eight (Knuth, The Art of Computer Programming 3, 5.3.4).
    @inline(__always)
    private static func sortEight(_ values: UnsafeMutablePointer<Double>) {
        var (a, b, c, d) = (values[0], values[1], values[2], values[3])
        var (e, f, g, h) = (values[4], values[5], values[6], values[7])
        order(&a, &c)
        order(&b, &d)
        order(&e, &g)
        order(&f, &h)
        order(&a, &e)
        order(&b, &f)
        order(&c, &g)
        order(&d, &h)
        order(&a, &b)
        order(&c, &d)
        order(&e, &f)
        order(&g, &h)
        order(&c, &e)
        order(&d, &f)
        order(&b, &e)
        order(&d, &g)
        order(&b, &c)
        order(&d, &e)
        order(&f, &g)
        (values[0], values[1], values[2], values[3]) = (a, b, c, d)
        (values[4], values[5], values[6], values[7]) = (e, f, g, h)
    }

    @inline(__always)
    private static func order(_ low: inout Double, _ high: inout Double) {
        let (a, b) = (low, high)
        low = b < a ? b : a
        high = b < a ? a : b
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

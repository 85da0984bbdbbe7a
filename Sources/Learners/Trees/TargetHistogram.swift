import Glibc

/// What a leaf of a regression tree knows of one number: weight, sum and sum of squares of the target, in bins of equal
/// width over the values seen (after the quantization observer of Mastelini and Ponce de Leon Ferreira de Carvalho, 2021).
///
/// Widths are powers of two and bins lie at multiples of them; a value outside makes bins twice as wide, two becoming one,
/// until all fit. So no range has to be known before, and nothing is counted twice.
enum TargetHistogram {
    static let bins = 32
    /// Width (0: all values were `first` until now), place of the first bin in widths, first value; then the bins.
    private enum Field {
        static let width = 0
        static let base = 1
        static let first = 2
        static let bins = 3
    }

    static let size = Field.bins + 3 * bins

    /// Bins that lie between the first two different values.
    private static let firstBins = 8.0

    static func learn(_ cell: UnsafeMutablePointer<Double>, _ value: Double, _ target: Double, _ weight: Double) {
        if cell[Field.width] == 0 {
            if cell[Field.bins] == 0 { cell[Field.first] = value }
            if value == cell[Field.first] { return add(cell, 0, target, weight) }
            begin(cell, value)
        }
        var place = (value / cell[Field.width]).rounded(.down) - cell[Field.base]
        if place < 0 || place >= Double(bins) { place = makeRoom(cell, value) }
        add(cell, Int(place), target, weight)
    }

    @inline(__always)
    private static func add(_ cell: UnsafeMutablePointer<Double>, _ bin: Int, _ target: Double, _ weight: Double) {
        let sums = cell + Field.bins + 3 * bin
        sums[0] += weight
        sums[1] += weight * target
        sums[2] += weight * target * target
    }

    /// The second value gives the first width; what the first bin holds moves to its place.
    private static func begin(_ cell: UnsafeMutablePointer<Double>, _ value: Double) {
        let first = cell[Field.first]
        let least = max(max(abs(value), abs(first)) * 1e-12, 1e-150)
        let width = exp2(log2(max(abs(value - first) / firstBins, least)).rounded(.up))
        let middle = bins / 2
        cell[Field.width] = width
        cell[Field.base] = (first / width).rounded(.down) - Double(middle)
        for index in 0..<3 {
            cell[Field.bins + 3 * middle + index] = cell[Field.bins + index]
            cell[Field.bins + index] = 0
        }
    }

    /// Moves or widens the bins so that a value has one. Returns its place.
    private static func makeRoom(_ cell: UnsafeMutablePointer<Double>, _ value: Double) -> Double {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 3 * bins) { old in
            guard let from = old.baseAddress else { return 0 }
            let sums = cell + Field.bins
            from.update(from: sums, count: 3 * bins)
            let base = cell[Field.base]
            let used = (0..<bins).filter { from[3 * $0] > 0 }
            var (least, greatest) = (base + Double(used.first ?? 0), base + Double(used.last ?? 0))
            var factor = 1.0
            var place = (value / cell[Field.width]).rounded(.down)
            while max(greatest, place) - min(least, place) >= Double(bins) {
                factor *= 2
                cell[Field.width] *= 2
                least = (least / 2).rounded(.down)
                greatest = (greatest / 2).rounded(.down)
                place = (value / cell[Field.width]).rounded(.down)
            }
            let span = max(greatest, place) - min(least, place) + 1
            let newBase = min(least, place) - ((Double(bins) - span) / 2).rounded(.down)
            cell[Field.base] = newBase
            sums.update(repeating: 0, count: 3 * bins)
            for bin in used {
                let moved = Int(((base + Double(bin)) / factor).rounded(.down) - newBase)
                for index in 0..<3 { sums[3 * moved + index] += from[3 * bin + index] }
            }
            return place - newBase
        }
    }

    /// Calls `body` with each threshold between two bins that hold something: values up to it lie on the left, whose sums
    /// are given.
    @inline(__always)
    static func eachThreshold(
        _ cell: UnsafePointer<Double>,
        _ body: (_ threshold: Double, _ weight: Double, _ sum: Double, _ squares: Double) -> Void
    ) {
        guard cell[Field.width] > 0 else { return }
        var (weight, sum, squares) = (0.0, 0.0, 0.0)
        for bin in 0..<bins - 1 {
            let sums = cell + Field.bins + 3 * bin
            guard sums[0] > 0 else { continue }
            weight += sums[0]
            sum += sums[1]
            squares += sums[2]
            body(((cell[Field.base] + Double(bin + 1)) * cell[Field.width]).nextDown, weight, sum, squares)
        }
    }

    /// Weight, sum and sum of squares of all bins.
    static func total(_ cell: UnsafePointer<Double>) -> (Double, Double, Double) {
        var total = (0.0, 0.0, 0.0)
        for bin in 0..<bins {
            let sums = cell + Field.bins + 3 * bin
            total = (total.0 + sums[0], total.1 + sums[1], total.2 + sums[2])
        }
        return total
    }
}

/// What a leaf of a regression tree knows of one number where splits are to make the target's variance small: weight and sum
/// of the target by value, in order, for the first `most` different values; beyond, the two neighbours of least weight
/// become one, which stands at the greater one's value.
///
/// A split makes the variance smaller by what the sums of both sides say; the squares are the same for all splits.
enum TargetOrder {
    static let most = 32
    private static let room = most + 1
    /// Count, then values, weights and sums.
    static let size = 1 + 3 * room

    static func learn(_ cell: UnsafeMutablePointer<Double>, _ value: Double, _ target: Double, _ weight: Double) {
        let count = Int(cell[0])
        let values = cell + 1
        var (place, end) = (0, count)
        while place < end {
            let middle = (place + end) / 2
            if values[middle] < value { place = middle + 1 } else { end = middle }
        }
        let isNew = place == count || values[place] != value
        if isNew { open(cell, place, value) }
        values[room + place] += weight
        values[2 * room + place] += weight * target
        if isNew, count == most { joinLightest(cell) }
    }

    private static func open(_ cell: UnsafeMutablePointer<Double>, _ place: Int, _ value: Double) {
        let count = Int(cell[0])
        for part in 0..<3 {
            let base = cell + 1 + part * room + place
            (base + 1).update(from: base, count: count - place)
            base[0] = part == 0 ? value : 0
        }
        cell[0] += 1
    }

    private static func joinLightest(_ cell: UnsafeMutablePointer<Double>) {
        let count = Int(cell[0])
        let (weights, sums) = (cell + 1 + room, cell + 1 + 2 * room)
        var (place, least) = (0, Double.infinity)
        for index in 0..<count - 1 where weights[index] + weights[index + 1] < least {
            (place, least) = (index, weights[index] + weights[index + 1])
        }
        weights[place + 1] += weights[place]
        sums[place + 1] += sums[place]
        for part in 0..<3 {
            let base = cell + 1 + part * room + place
            base.update(from: base + 1, count: count - place - 1)
            base[count - place - 1] = 0
        }
        cell[0] -= 1
    }

    /// Calls `body` with each value but the greatest: values up to it lie on the left, whose weight and sum are given.
    @inline(__always)
    static func eachThreshold(
        _ cell: UnsafePointer<Double>,
        _ body: (_ threshold: Double, _ weight: Double, _ sum: Double) -> Void
    ) {
        let values = cell + 1
        var (weight, sum) = (0.0, 0.0)
        for index in 0..<max(0, Int(cell[0]) - 1) {
            weight += values[room + index]
            sum += values[2 * room + index]
            body(values[index], weight, sum)
        }
    }

    /// Weight and sum of all values.
    static func total(_ cell: UnsafePointer<Double>) -> (weight: Double, sum: Double) {
        var total = (weight: 0.0, sum: 0.0)
        for index in 0..<Int(cell[0]) {
            total.weight += cell[1 + room + index]
            total.sum += cell[1 + 2 * room + index]
        }
        return total
    }
}

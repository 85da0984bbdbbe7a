/// A median in 19 numbers of somebody's state, where there are too many of them for sketches: exact for the first 18
/// values, then nine markers that cut the values into eight cells of equal weight and move by piecewise parabolas (the P²
/// histogram of Jain and Chlamtac, CACM 28:10, 1985).
///
/// Layout: count, then the values in ascending order; later the heights of the markers, then their positions from 1.
enum MedianMarkers {
    static let lanes = 1 + exactCount
    static let exactCount = 2 * markers
    private static let markers = 9

    /// nil: no number was seen.
    static func value(_ known: UnsafePointer<Double>) -> Double? {
        let count = Int(known[0])
        guard count > 0 else { return nil }
        guard count <= exactCount else { return known[1 + markers / 2] }
        let below = known[1 + (count - 1) / 2]
        let above = known[1 + count / 2]
        return below == above ? below : below / 2 + above / 2
    }

    static func learn(_ number: Double, _ known: UnsafeMutablePointer<Double>) {
        guard number.isFinite, known[0] < 0x1p53 else { return }
        let count = Int(known[0])
        known[0] += 1
        if count < exactCount { return insert(number, count, known + 1) }
        if count == exactCount { placeMarkers(known + 1) }
        move(number, count: Double(count + 1), known + 1)
    }

    private static func insert(_ number: Double, _ count: Int, _ values: UnsafeMutablePointer<Double>) {
        var place = count
        while place > 0, values[place - 1] > number {
            values[place] = values[place - 1]
            place -= 1
        }
        values[place] = number
    }

    /// Where marker i should stand among `count` values, from 1.
    private static func wanted(_ marker: Int, _ count: Double) -> Double {
        1 + (count - 1) * Double(marker) / Double(markers - 1)
    }

    private static func placeMarkers(_ values: UnsafeMutablePointer<Double>) {
        // Ascending places at or above the marker's number: what is read was not yet written over.
        for marker in 0..<markers {
            values[marker] = values[Int(wanted(marker, Double(exactCount)).rounded()) - 1]
        }
        for marker in 0..<markers {
            values[markers + marker] = wanted(marker, Double(exactCount)).rounded()
        }
    }

    private static func move(_ number: Double, count: Double, _ heights: UnsafeMutablePointer<Double>) {
        let positions = heights + markers
        let last = markers - 1
        if number < heights[0] { heights[0] = number }
        if number > heights[last] { heights[last] = number }
        for marker in 1...last where marker == last || number < heights[marker] { positions[marker] += 1 }
        for marker in 1..<last {
            let distance = wanted(marker, count) - positions[marker]
            let isUp = distance >= 1 && positions[marker + 1] - positions[marker] > 1
            let isDown = distance <= -1 && positions[marker - 1] - positions[marker] < -1
            guard isUp || isDown else { continue }
            heights[marker] = height(marker, isUp ? 1 : -1, heights, positions)
            positions[marker] += isUp ? 1 : -1
        }
    }

    /// The height one position on: by the parabola through three markers if that lies between the neighbours, else by
    /// the line to the next one.
    private static func height(
        _ marker: Int, _ step: Int, _ heights: UnsafePointer<Double>, _ positions: UnsafePointer<Double>
    ) -> Double {
        let (here, place, sign) = (heights[marker], positions[marker], Double(step))
        let (before, after) = (place - positions[marker - 1], positions[marker + 1] - place)
        let above = (heights[marker + 1] - here) / after
        let below = (here - heights[marker - 1]) / before
        let parabola = here + sign * ((before + sign) * above + (after - sign) * below) / (before + after)
        if parabola > heights[marker - 1], parabola < heights[marker + 1] { return parabola }
        let line = here + (heights[marker + step] - here) / abs(positions[marker + step] - place)
        return line.isFinite ? line : here
    }
}

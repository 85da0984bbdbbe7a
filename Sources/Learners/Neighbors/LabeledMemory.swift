import State

/// Records with classes in the order in which they came: one of the memories of `SelfAdjustingNeighbors`. Numbers come
/// first in a row, then codes of categories; codes that differ and missing values are 1 apart.
final class LabeledMemory {
    let width: Int
    private let numbers: Int
    private let name: String
    private let values: StateArray<Double>
    private let classes: StateArray<Int32>
    /// What was right about a record when it came: a bit each.
    private let marks: StateArray<UInt32>
    private let size = StateArray<Int64>(count: 1)

    /// Missing values in `values`: NaN would not be finite.
    private static let missing = Double.greatestFiniteMagnitude

    init(_ name: String, capacity: Int, numbers: Int, width: Int) {
        self.name = name
        self.width = width
        self.numbers = numbers
        values = StateArray(count: capacity * width)
        classes = StateArray(count: capacity)
        marks = StateArray(count: capacity)
    }

    var state: [StateEntry] {
        [
            StateEntry("values", values), StateEntry("classes", classes), StateEntry("marks", marks),
            StateEntry("size", size),
        ].prefixed(name)
    }

    // Within bounds whatever a snapshot brings.
    var count: Int { min(max(0, Int(size.base[0])), classes.count) }

    func row(_ place: Int) -> UnsafeMutablePointer<Double> { values.base + place * width }

    func label(_ place: Int) -> Int { Int(classes.base[place]) }

    /// Bits of a record.
    func mark(_ place: Int) -> UInt32 { marks.base[place] }

    func setMark(_ place: Int, _ mark: UInt32) { marks.base[place] = mark }

    static func stored(_ value: Double) -> Double { value.isNaN ? missing : max(-1e100, min(1e100, value)) }

    /// Puts a record in, as long as there is room.
    func append(_ record: UnsafePointer<Double>, _ label: Int) {
        let place = count
        guard place < classes.count else { return }
        row(place).update(from: record, count: width)
        classes.base[place] = Int32(label)
        marks.base[place] = 0
        size.base[0] = Int64(place + 1)
    }

    /// Takes the first `number` records out.
    func removeFirst(_ number: Int) {
        let rest = count - number
        guard number > 0, rest >= 0 else { return }
        values.base.update(from: row(number), count: rest * width)
        classes.base.update(from: classes.base + number, count: rest)
        marks.base.update(from: marks.base + number, count: rest)
        shrink(to: rest)
    }

    func remove(where isGone: [Bool]) {
        var kept = 0
        for place in 0..<count where !isGone[place] {
            if kept < place {
                row(kept).update(from: row(place), count: width)
                classes.base[kept] = classes.base[place]
                marks.base[kept] = marks.base[place]
            }
            kept += 1
        }
        shrink(to: kept)
    }

    /// What is no longer there is 0, so that equal memories have equal bytes.
    private func shrink(to kept: Int) {
        let gone = count - kept
        row(kept).update(repeating: 0, count: gone * width)
        (classes.base + kept).update(repeating: 0, count: gone)
        (marks.base + kept).update(repeating: 0, count: gone)
        size.base[0] = Int64(kept)
    }

    /// Squared distances of a record to those from a place on, in order.
    func measure(_ record: UnsafePointer<Double>, from first: Int = 0, into distances: UnsafeMutablePointer<Double>) {
        for place in first..<max(count, first) { distances[place] = distance(row(place), record) }
    }

    @inline(__always)
    private func distance(_ one: UnsafePointer<Double>, _ other: UnsafePointer<Double>) -> Double {
        var sum = 0.0
        for column in 0..<numbers {
            let isMissing = one[column] == Self.missing || other[column] == Self.missing
            let distance = isMissing ? 1 : one[column] - other[column]
            sum += distance * distance
        }
        for column in numbers..<width { sum += one[column] == other[column] && one[column] != Self.missing ? 0 : 1 }
        return sum
    }

    /// Half as many records of each class, by k-means: centres begin as k-means++ has them (Arthur and Vassilvitskii 2007).
    func condense(classes count: Int, _ generator: RandomGenerator) {
        var kept: [(label: Int, centre: [Double])] = []
        for label in 0..<count {
            let members = (0..<self.count).filter { self.label($0) == label }
            kept += centres(members, members.count - members.count / 2, generator).map { (label, $0) }
        }
        shrink(to: 0)
        for (label, centre) in kept {
            centre.withUnsafeBufferPointer { if let row = $0.baseAddress { append(row, label) } }
        }
    }

    private func centres(_ members: [Int], _ number: Int, _ generator: RandomGenerator) -> [[Double]] {
        guard number > 0 else { return [] }
        var nearest = Array(repeating: Double.infinity, count: members.count)
        var owner = Array(repeating: 0, count: members.count)
        var seeds: [Int] = []
        while seeds.count < number {
            let next =
                seeds.isEmpty ? Int(generator.nextUniform() * Double(members.count)) : Self.draw(nearest, generator)
            for (index, member) in members.enumerated() {
                let distance = distance(row(member), row(members[next]))
                if distance < nearest[index] { (nearest[index], owner[index]) = (distance, seeds.count) }
            }
            seeds.append(next)
        }
        var centres = seeds.map { Array(UnsafeBufferPointer(start: row(members[$0]), count: width)) }
        for _ in 0..<Self.rounds { refine(&centres, members, &owner) }
        return centres
    }

    private static let rounds = 4

    /// A member in proportion to its distance from the centres there are.
    private static func draw(_ nearest: [Double], _ generator: RandomGenerator) -> Int {
        var rest = generator.nextUniform() * nearest.reduce(0, +)
        for (index, distance) in nearest.enumerated() {
            rest -= distance
            if rest < 0 { return index }
        }
        return nearest.count - 1
    }

    /// Centres become the means of their members, whose numbers are known; then members find their nearest centre.
    private func refine(_ centres: inout [[Double]], _ members: [Int], _ owner: inout [Int]) {
        var sums = Array(repeating: 0.0, count: centres.count * numbers)
        var counts = sums
        for (index, member) in members.enumerated() {
            for column in 0..<numbers where row(member)[column] != Self.missing {
                sums[owner[index] * numbers + column] += row(member)[column]
                counts[owner[index] * numbers + column] += 1
            }
        }
        for centre in centres.indices {
            for column in 0..<numbers where counts[centre * numbers + column] > 0 {
                centres[centre][column] = sums[centre * numbers + column] / counts[centre * numbers + column]
            }
        }
        for (index, member) in members.enumerated() {
            var best = Double.infinity
            for (place, centre) in centres.enumerated() {
                let distance = centre.withUnsafeBufferPointer { centre in
                    centre.baseAddress.map { self.distance(row(member), $0) } ?? 0
                }
                if distance < best { (best, owner[index]) = (distance, place) }
            }
        }
    }
}

import State

/// Something that a detector saw.
public struct DriftEvent: Sendable, Equatable {
    /// Records until then, the one that showed it included.
    public let record: Int
    /// Of the field whose distribution changed.
    public let field: Int
    public let statistic: Double
}

/// The latest events of a kind, and how many there were in all.
final class DriftLog: Stateful {
    /// Events that are kept.
    static let capacity = 1000
    private static let width = 3

    private let total = StateArray<Int64>(count: 1)
    /// A ring: record, field, bits of the statistic.
    private let entries = StateArray<Int64>(count: capacity, lanes: width)

    var state: [StateEntry] { [StateEntry("total", total), StateEntry("entries", entries)] }

    var count: Int { Int(total[0]) }

    func add(record: Int, field: Int = 0, statistic: Double = 0) {
        let start = count % Self.capacity * Self.width
        entries[start] = Int64(record)
        entries[start + 1] = Int64(field)
        entries[start + 2] = Int64(bitPattern: statistic.bitPattern)
        total[0] += 1
    }

    /// The latest, oldest first.
    var events: [DriftEvent] {
        (max(0, count - Self.capacity)..<count).map { index in
            let start = index % Self.capacity * Self.width
            return DriftEvent(
                record: Int(entries[start]), field: Int(entries[start + 1]),
                statistic: Double(bitPattern: UInt64(bitPattern: entries[start + 2])))
        }
    }
}

import State

/// The latest records of a stream, and which of them are nearest to another (squared Euclidean distance).
///
/// Values lie column by column, so that eight records at a time are compared in vector registers; each distance is added up
/// in the order of the attributes. Numbers may be scaled by their range in the window, as MOA does: an attribute without
/// a range counts nothing. Codes that differ count 1, and so does a missing value against anything where numbers are not
/// scaled; where they are, one missing value is as far away as it can be.
final class NeighborWindow {
    let capacity: Int
    let attributes: Int
    private let isNominal: [Bool]
    private let isScaled: Bool
    /// Room for records, a multiple of eight.
    private let stride: Int
    /// Column after column, `stride` values each; missing = NaN as `missing`.
    let values: StateArray<Double>
    /// Of each record: its number, or the index of its class.
    let targets: StateArray<Double>
    /// Records in the window, place of the oldest.
    let place = StateArray<Int64>(count: 2)
    /// Derived: the values as distances see them, and the range of each column.
    private var scaled: [Double]
    private var low: [Double]
    private var high: [Double]
    private var width: [Double]
    private var query: [Double]
    private var distances: [Double]

    /// Missing values in `values`: NaN would not be finite.
    private static let missing = Double.greatestFiniteMagnitude

    init(capacity: Int, isNominal: [Bool], isScaled: Bool) {
        self.capacity = capacity
        self.isNominal = isNominal
        self.isScaled = isScaled
        attributes = isNominal.count
        stride = (capacity + 7) & ~7
        values = StateArray(count: attributes * stride, marksChanges: true)
        targets = StateArray(count: capacity)
        scaled = Array(repeating: 0, count: attributes * stride)
        low = Array(repeating: 0, count: attributes)
        high = Array(repeating: 0, count: attributes)
        width = Array(repeating: 0, count: attributes)
        query = Array(repeating: 0, count: attributes)
        distances = Array(repeating: 0, count: stride)
    }

    // Within bounds whatever a snapshot brings.
    var count: Int { min(max(0, Int(place.base[0])), capacity) }
    private var oldest: Int { min(max(0, Int(place.base[1])), max(0, count - 1)) }

    func rebuild() { for column in 0..<attributes { rescale(column) } }

    // MARK: Learning

    /// Puts a record in, in place of the oldest when there is no more room.
    func append(_ record: UnsafePointer<Double>, target: Double) {
        let isFull = count == capacity
        let slot = isFull ? oldest : count
        for column in 0..<attributes {
            let index = column * stride + slot
            let value = stored(record[column])
            let before = values.base[index]
            values[index] = value
            if isNominal[column] || !isScaled {
                scaled[index] = seen(value)
            } else {
                scale(column, index, value, before: isFull ? before : nil)
            }
        }
        targets[slot] = target
        if isFull { place[1] = Int64((slot + 1) % capacity) } else { place[0] += 1 }
    }

    private func stored(_ value: Double) -> Double {
        value.isNaN ? Self.missing : max(-1e150, min(1e150, value))
    }

    private func seen(_ value: Double) -> Double { value == Self.missing ? .nan : value }

    /// Scales one new value, or the column when its range is another.
    private func scale(_ column: Int, _ index: Int, _ value: Double, before: Double?) {
        let (first, last) = (low[column], high[column])
        let isInside = value == Self.missing || (value >= first && value <= last && count > 1)
        let keepsEnds = before.map { $0 == Self.missing || ($0 > first && $0 < last) || $0 == value } ?? true
        guard isInside, keepsEnds else {
            // The record is counted only after all its columns are in.
            return rescale(column, including: before == nil)
        }
        scaled[index] = normal(column, value)
    }

    private func normal(_ column: Int, _ value: Double) -> Double {
        if value == Self.missing { return .nan }
        return width[column] > 0 ? (value - low[column]) / width[column] : 0
    }

    /// Range and scaled values of a column anew.
    ///
    /// - Parameter including: with the record behind the last, which is being put in.
    private func rescale(_ column: Int, including: Bool = false) {
        let start = column * stride
        let count = min(capacity, count + (including ? 1 : 0))
        guard isScaled, !isNominal[column] else {
            for index in start..<start + count { scaled[index] = seen(values.base[index]) }
            return
        }
        var least = Double.infinity
        var most = -Double.infinity
        for index in start..<start + count {
            let value = values.base[index]
            guard value != Self.missing else { continue }
            least = min(least, value)
            most = max(most, value)
        }
        low[column] = least.isFinite ? least : 0
        high[column] = least.isFinite ? most : 0
        width[column] = high[column] - low[column]
        for index in start..<start + count { scaled[index] = normal(column, values.base[index]) }
    }

    // MARK: Searching

    /// Finds the nearest records, the nearest first, of those equally near the oldest first.
    ///
    /// - Parameter body: told the slots and squared distances of at most `k` records.
    func nearest(_ record: UnsafePointer<Double>, _ found: inout Neighbors) {
        found.removeAll()
        let count = count
        guard count > 0 else { return }
        for column in 0..<attributes {
            let value = stored(record[column])
            query[column] = isScaled && !isNominal[column] ? normal(column, value) : seen(value)
        }
        measure(count)
        distances.withUnsafeBufferPointer { distances in
            found.take(distances, oldest..<count)
            found.take(distances, 0..<oldest)
        }
    }

    /// Slots that are as near as the last of the nearest, these included.
    func ties(_ found: Neighbors, _ body: (_ slot: Int) -> Void) {
        for slot in 0..<count where distances[slot] <= found.farthest { body(slot) }
    }

    private func measure(_ count: Int) {
        scaled.withUnsafeBufferPointer { scaled in
            query.withUnsafeBufferPointer { query in
                distances.withUnsafeMutableBufferPointer { distances in
                    isNominal.withUnsafeBufferPointer { isNominal in
                        guard let columns = scaled.baseAddress, let query = query.baseAddress,
                            let distances = distances.baseAddress, let isNominal = isNominal.baseAddress
                        else { return }
                        for block in Swift.stride(from: 0, to: count, by: 8) {
                            measure(block, columns, query, isNominal, distances)
                        }
                    }
                }
            }
        }
    }

    /// Eight records at a time.
    @inline(__always)
    private func measure(
        _ block: Int, _ columns: UnsafePointer<Double>, _ query: UnsafePointer<Double>,
        _ isNominal: UnsafePointer<Bool>, _ distances: UnsafeMutablePointer<Double>
    ) {
        var sum = SIMD8<Double>(repeating: 0)
        for column in 0..<attributes {
            let values = UnsafeRawPointer(columns + column * stride + block).loadUnaligned(as: SIMD8<Double>.self)
            if isNominal[column] {
                sum += SIMD8(repeating: 1).replacing(with: 0, where: values .== query[column])
            } else {
                let distance = values - query[column]
                sum += distance * distance
            }
        }
        UnsafeMutableRawPointer(distances + block).storeBytes(of: sum, as: SIMD8<Double>.self)
        guard any(sum .!= sum) else { return }
        for lane in 0..<8 where sum[lane].isNaN {
            distances[block + lane] = distanceWithMissing(columns + block + lane, query, isNominal)
        }
    }

    /// The distance of a pair in which a number is missing.
    private func distanceWithMissing(
        _ record: UnsafePointer<Double>, _ query: UnsafePointer<Double>, _ isNominal: UnsafePointer<Bool>
    ) -> Double {
        var sum = 0.0
        for column in 0..<attributes {
            let (value, other) = (record[column * stride], query[column])
            if isNominal[column] {
                sum += value == other ? 0 : 1
            } else if value.isNaN || other.isNaN {
                let known = value.isNaN ? other : value
                let distance = isScaled && !known.isNaN ? max(known, 1 - known) : 1
                sum += distance * distance
            } else {
                sum += (value - other) * (value - other)
            }
        }
        return sum
    }
}

/// The nearest records found so far.
struct Neighbors {
    let limit: Int
    private(set) var count = 0
    private(set) var slots: [Int]
    /// Squared.
    private(set) var distances: [Double]

    init(limit: Int) {
        self.limit = limit
        slots = Array(repeating: 0, count: limit)
        distances = Array(repeating: 0, count: limit)
    }

    /// Of the last of them.
    var farthest: Double { count > 0 ? distances[count - 1] : -1 }

    mutating func removeAll() { count = 0 }

    mutating func take(_ all: UnsafeBufferPointer<Double>, _ range: Range<Int>) {
        var worst = count < limit ? Double.infinity : farthest
        for slot in range where all[slot] < worst {
            insert(slot, all[slot])
            if count == limit { worst = distances[limit - 1] }
        }
    }

    private mutating func insert(_ slot: Int, _ distance: Double) {
        var place = count < limit ? count : limit - 1
        while place > 0, distances[place - 1] > distance {
            distances[place] = distances[place - 1]
            slots[place] = slots[place - 1]
            place -= 1
        }
        distances[place] = distance
        slots[place] = slot
        count = min(count + 1, limit)
    }
}

import CBytes
import Records

/// Texts made of numbers, which binary formats write without: as targets and ids they live as long as their batch, as
/// categories only their hash is wanted. Nothing is allocated for whole numbers, nor for other numbers that come again.
final class AvroTexts {
    private static let chunkBytes = 1 << 14
    /// The most a number's text takes.
    private static let room = 32
    private var pool: [Chunk] = []
    @exclusivity(unchecked) private var current: Chunk?
    /// Hashes of the numbers met last, by their bits; those that were written as floats have shorter texts.
    @exclusivity(unchecked) private var known: [(bits: UInt64, isFloat: Bool, hash: UInt64)] = Array(
        repeating: (0, false, 0), count: 1024)

    /// Call before a batch's rows are decoded.
    func begin() { current = nil }

    /// The category hash of a whole number.
    func hash(_ value: Int64) -> UInt64 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.room) { digits in
            guard let base = digits.baseAddress else { return 1 }
            let count = Self.write(value, to: base)
            return categoryHash(base, count)
        }
    }

    /// The category hash of another number.
    func hash(_ value: Double, _ float: Float?) -> UInt64 {
        let bits = value.bitPattern
        let slot = Int(truncatingIfNeeded: bytes_mix(bits)) & (known.count - 1)
        let found = known[slot]
        if found.bits == bits, found.isFloat == (float != nil), found.hash != 0 { return found.hash }
        var text = Self.text(value, float)
        let hash = text.withUTF8 { bytes in bytes.baseAddress.map { categoryHash($0, bytes.count) } ?? 1 }
        known[slot] = (bits, float != nil, hash)
        return hash
    }

    private static func text(_ value: Double, _ float: Float?) -> String {
        float?.description ?? canonicalText(ofNumber: value)
    }

    /// The digits of a whole number, as long as the batch.
    func keep(_ value: Int64, in batch: RecordBatch) -> UnsafeBufferPointer<UInt8> {
        let home = home(in: batch, Self.room)
        let start = home.base + home.count
        let count = Self.write(value, to: start)
        home.count += count + 1
        start[count] = 0
        return UnsafeBufferPointer(start: UnsafePointer(start), count: count)
    }

    /// The text of another number, as long as the batch.
    func keep(_ value: Double, _ float: Float?, in batch: RecordBatch) -> UnsafeBufferPointer<UInt8> {
        var text = Self.text(value, float)
        return text.withUTF8 { bytes in
            let home = home(in: batch, bytes.count + 1)
            let start = home.base + home.count
            if let from = bytes.baseAddress { start.update(from: from, count: bytes.count) }
            start[bytes.count] = 0
            home.count += bytes.count + 1
            return UnsafeBufferPointer(start: UnsafePointer(start), count: bytes.count)
        }
    }

    private func home(in batch: RecordBatch, _ needed: Int) -> Chunk {
        if let current, current.capacity - current.count >= needed { return current }
        let next = fresh(needed)
        current = next
        batch.retain(next)
        return next
    }

    private func fresh(_ needed: Int) -> Chunk {
        for index in pool.indices where isKnownUniquelyReferenced(&pool[index]) && pool[index].capacity >= needed {
            pool[index].count = 0
            return pool[index]
        }
        let made = Chunk(capacity: max(needed, Self.chunkBytes))
        if pool.count < 64 { pool.append(made) }
        return made
    }

    private static func write(_ value: Int64, to start: UnsafeMutablePointer<UInt8>) -> Int {
        var rest = value.magnitude
        var digits = 1
        var bound: UInt64 = 10
        while digits < 19, rest >= bound {
            digits += 1
            bound *= 10
        }
        let sign = value < 0 ? 1 : 0
        if sign == 1 { start[0] = UInt8(ascii: "-") }
        for index in stride(from: sign + digits - 1, through: sign, by: -1) {
            start[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        return sign + digits
    }
}

import Glibc

/// Reads Avro's binary encoding (Avro 1.11, "Binary Encoding"), one value after the other.
///
/// 64 bytes behind `end` must be readable (a sync marker, a chunk's padding): a number is read whole, and only then
/// is it asked whether it was all there. `isBroken` is to be asked after every value.
struct AvroBytes {
    private(set) var at: UnsafePointer<UInt8>
    private(set) var end: UnsafePointer<UInt8>

    init(_ start: UnsafePointer<UInt8>, _ count: Int) {
        at = start
        end = start + count
    }

    /// A value went beyond the end, or was none: nothing can be read any more.
    @inline(__always) var isBroken: Bool { at > end }
    @inline(__always) var left: Int { end - at }

    @inline(__always) mutating func fail() { at = end + 1 }

    /// A zig-zag encoded `int` or `long`.
    @inline(__always) mutating func integer() -> Int64 {
        let first = UInt64(at[0])
        if first < 0x80 {
            at += 1
            return Self.unfolded(first)
        }
        let second = UInt64(at[1])
        if second < 0x80 {
            at += 2
            return Self.unfolded(first & 0x7f | second << 7)
        }
        // Not a method: what is passed by reference would not stay in registers.
        let (value, next) = Self.longInteger(at, end)
        at = next
        return value
    }

    @inline(__always) private static func unfolded(_ value: UInt64) -> Int64 {
        Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    @inline(never) private static func longInteger(
        _ at: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>
    ) -> (value: Int64, next: UnsafePointer<UInt8>) {
        var value: UInt64 = 0
        for index in 0..<10 {
            let byte = UInt64(at[index])
            // The tenth byte has room for one bit.
            if index == 9, byte > 1 { break }
            value |= (byte & 0x7f) << UInt64(7 * index)
            if byte < 0x80 { return (unfolded(value), at + index + 1) }
        }
        return (0, end + 1)
    }

    /// The length of what follows; 0 and broken when there is not so much.
    @inline(__always) mutating func length() -> Int {
        let count = integer()
        guard count >= 0, count <= Int64(left) else {
            fail()
            return 0
        }
        return Int(count)
    }

    /// Bytes whose length is known.
    @inline(__always) mutating func take(_ count: Int) -> UnsafePointer<UInt8> {
        let start = at
        if count <= left { at += count } else { fail() }
        return start
    }

    @inline(__always) mutating func float() -> Float {
        let bits = UnsafeRawPointer(at).loadUnaligned(as: UInt32.self)
        at += 4
        return Float(bitPattern: UInt32(littleEndian: bits))
    }

    @inline(__always) mutating func double() -> Double {
        let bits = UnsafeRawPointer(at).loadUnaligned(as: UInt64.self)
        at += 8
        return Double(bitPattern: UInt64(littleEndian: bits))
    }

    /// 0, 1, or broken.
    @inline(__always) mutating func boolean() -> Bool {
        let byte = at[0]
        if byte > 1 { fail() } else { at += 1 }
        return byte == 1
    }

    /// How many items come next of an array or map; 0: that was all. More than there are bytes left is broken: items
    /// that take no bytes at all are not to be had without end.
    mutating func itemCount() -> Int {
        var count = integer()
        if count < 0 {
            guard count != .min else {
                fail()
                return 0
            }
            count = -count
            guard integer() >= 0 else {
                fail()
                return 0
            }
        }
        guard !isBroken, count <= Int64(left) else {
            fail()
            return 0
        }
        return Int(count)
    }

    /// A decimal's unscaled value.
    mutating func decimal(_ size: Int, scale: Int) -> Double {
        let start = take(size)
        guard !isBroken, size > 0 else { return 0 }
        if size <= 8 {
            var value = Int64(Int8(bitPattern: start[0]))
            for index in 1..<max(size, 1) { value = value << 8 | Int64(start[index]) }
            return scaled(Double(value), scale)
        }
        var value = Double(Int8(bitPattern: start[0]))
        for index in 1..<size { value = value * 256 + Double(start[index]) }
        return scaled(value, scale)
    }

    private func scaled(_ value: Double, _ scale: Int) -> Double {
        scale <= 22 ? value / exactPowersOfTen[scale] : value / pow(10, Double(scale))
    }

    // MARK: Passing over

    /// Passes over a value.
    mutating func skip(_ type: AvroType, _ records: [AvroRecordType], depth: Int = 0) {
        switch type {
        case .null: break
        case .boolean: _ = boolean()
        case .integer, .time, .enumeration: _ = integer()
        case .float: _ = take(4)
        case .double: _ = take(8)
        case .bytes, .string, .decimal(_, nil): _ = take(length())
        case .fixed(let size), .decimal(_, let size?): _ = take(size)
        case .array(let item):
            while let count = nextItems() {
                for _ in 0..<count where !isBroken { skip(item, records, depth: depth + 1) }
            }
        case .map(let item):
            while let count = nextItems() {
                for _ in 0..<count where !isBroken {
                    _ = take(length())
                    skip(item, records, depth: depth + 1)
                }
            }
        case .union(let branches):
            let branch = integer()
            guard !isBroken, branch >= 0, branch < Int64(branches.count) else { return fail() }
            skip(branches[Int(branch)], records, depth: depth + 1)
        case .record(let index):
            // Only a record that holds itself goes so deep.
            guard depth <= 4 * AvroSchema.maximumDepth else { return fail() }
            for field in records[index].fields where !isBroken { skip(field.type, records, depth: depth + 1) }
        }
    }

    /// `itemCount`, nil at the end and when broken.
    mutating func nextItems() -> Int? {
        let count = itemCount()
        return isBroken || count == 0 ? nil : count
    }
}

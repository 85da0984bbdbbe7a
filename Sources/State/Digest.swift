import CBytes

/// An XXH3-128 digest over bytes, for telling whether two states are equal. Not cryptographic.
public struct Digest: ~Copyable {
    private let state: UnsafeMutableRawPointer

    public init() {
        guard let state = bytes_digest_make() else { fatalError("out of memory") }
        self.state = state
    }

    deinit { bytes_digest_free(state) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        bytes_digest_update(state, base, bytes.count)
    }

    public mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { update(UnsafeRawBufferPointer($0)) }
    }

    /// 32 hexadecimal digits.
    public func finish() -> String {
        var low: UInt64 = 0
        var high: UInt64 = 0
        bytes_digest_final(state, &low, &high)
        return Self.hexadecimal(high) + Self.hexadecimal(low)
    }

    public static func of(_ bytes: UnsafeRawBufferPointer) -> String {
        var digest = Digest()
        digest.update(bytes)
        return digest.finish()
    }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

extension Stateful {
    /// The digest of all named arrays: names, shapes and bytes, in declaration order.
    public var digest: String { StateSummary(state).digest }
}

/// What a report says of a state, from one pass over it: tables beyond the caches take their time to read.
public struct StateSummary {
    /// Of names, shapes and bytes, in declaration order.
    public let digest: String
    /// For each array, scalars that are not zero.
    public let nonZeroCounts: [Int]

    /// Digested and counted together, while they are in the cache near the core.
    private static let blockSize = 64 << 10

    public init(_ state: [StateEntry]) {
        var digest = Digest()
        var counts: [Int] = []
        for entry in state {
            let array = entry.array
            digest.update("\(entry.name):\(array.scalarType.rawValue):\(array.lanes):\(array.count);")
            var found = 0
            var offset = 0
            while offset < array.byteCount {
                let block = UnsafeRawBufferPointer(
                    start: array.bytes + offset, count: min(Self.blockSize, array.byteCount - offset))
                digest.update(block)
                found += array.scalarType.nonZeroCount(block)
                offset += block.count
            }
            counts.append(found)
        }
        self.digest = digest.finish()
        nonZeroCounts = counts
    }
}

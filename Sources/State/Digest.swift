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
    public var digest: String {
        var digest = Digest()
        for entry in state {
            digest.update("\(entry.name):\(entry.array.scalarType.rawValue):\(entry.array.lanes):\(entry.array.count);")
            digest.update(UnsafeRawBufferPointer(start: entry.array.bytes, count: entry.array.byteCount))
        }
        return digest.finish()
    }
}

import CBytes

/// The number formats a named array can hold, with the names that safetensors gives them.
public enum ScalarType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case float64 = "F64"
    case int64 = "I64"
    case int32 = "I32"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint8 = "U8"

    /// Bytes of one scalar.
    public var size: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .uint8: 1
        }
    }

    /// How many of the scalars in `bytes` are not zero.
    func nonZeroCount(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        let scalars = bytes.count / size
        return switch size {
        case 8: bytes_nonzero64(base.assumingMemoryBound(to: UInt64.self), scalars)
        case 4: bytes_nonzero32(base.assumingMemoryBound(to: UInt32.self), scalars)
        default: bytes.reduce(0) { $0 + ($1 == 0 ? 0 : 1) }
        }
    }
}

/// A scalar that can live in a `StateArray`.
public protocol StateElement: BitwiseCopyable, Sendable {
    static var scalarType: ScalarType { get }
}

extension Float: StateElement { public static var scalarType: ScalarType { .float32 } }
extension Double: StateElement { public static var scalarType: ScalarType { .float64 } }
extension Int64: StateElement { public static var scalarType: ScalarType { .int64 } }
extension Int32: StateElement { public static var scalarType: ScalarType { .int32 } }
extension UInt64: StateElement { public static var scalarType: ScalarType { .uint64 } }
extension UInt32: StateElement { public static var scalarType: ScalarType { .uint32 } }
extension UInt8: StateElement { public static var scalarType: ScalarType { .uint8 } }

import Glibc

/// Headers' names and fixed values as C wants them; literals live as long as the process.
enum HeaderName {
    static var version: UnsafePointer<CChar> { pointer("thalweg.version") }
    static var contentType: UnsafePointer<CChar> { pointer("content-type") }
    static var json: UnsafeRawBufferPointer { bytes("application/json") }
    static var reason: UnsafePointer<CChar> { pointer("thalweg.reason") }
    static var position: UnsafePointer<CChar> { pointer("thalweg.position") }
    static var topic: UnsafePointer<CChar> { pointer("__connect.errors.topic") }
    static var partition: UnsafePointer<CChar> { pointer("__connect.errors.partition") }
    static var offset: UnsafePointer<CChar> { pointer("__connect.errors.offset") }
    static var connector: UnsafePointer<CChar> { pointer("__connect.errors.connector.name") }
    static var stage: UnsafePointer<CChar> { pointer("__connect.errors.stage") }
    static var exception: UnsafePointer<CChar> { pointer("__connect.errors.exception.class.name") }
    static var message: UnsafePointer<CChar> { pointer("__connect.errors.exception.message") }

    private static func pointer(_ text: StaticString) -> UnsafePointer<CChar> {
        UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}

/// A number in decimal, on the stack.
struct DecimalText {
    private var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
    private let count: Int

    init(_ value: Int) {
        count = withUnsafeMutableBytes(of: &digits) { buffer in
            var end = buffer.count
            var rest = value.magnitude
            repeat {
                end -= 1
                buffer[end] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            if value < 0 {
                end -= 1
                buffer[end] = UInt8(ascii: "-")
            }
            return buffer.count - end
        }
    }

    mutating func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        let count = count
        return withUnsafeBytes(of: &digits) { body(UnsafeRawBufferPointer(rebasing: $0.suffix(count))) }
    }
}

import CRdkafka
import Glibc

/// Writes what a message brings besides its payload as members at the beginning of a JSON object:
/// `{"kafka.key":"...","kafka.timestamp":1,"kafka.partition":0,"kafka.offset":7,"kafka.header.NAME":"...",`
struct FieldPrefix {
    private let wanted: [KafkaSourceOptions.Field]
    /// More headers than this become no fields.
    private static let maximumHeaders = 64

    /// In a fixed order, whatever order they were asked for in.
    init(_ fields: Set<KafkaSourceOptions.Field>) { wanted = KafkaSourceOptions.Field.allCases.filter(fields.contains) }

    var isEmpty: Bool { wanted.isEmpty }

    /// Room that is enough for a message's prefix.
    func maximumCount(_ message: UnsafePointer<rd_kafka_message_t>) -> Int {
        // An escaped byte takes six, names and numbers take less than 256.
        var count = 256 + message.pointee.key_len * 6
        if wanted.contains(.headers) {
            forEachHeader(message) { name, value in count += 32 + 6 * (strlen(name) + value.count) }
        }
        return count
    }

    /// Writes the prefix, its `{` and a comma after each member included; the number of bytes. 1: no member.
    func write(_ message: UnsafePointer<rd_kafka_message_t>, to start: UnsafeMutablePointer<UInt8>) -> Int {
        var writer = Writer(start)
        writer.byte(UInt8(ascii: "{"))
        for field in wanted {
            switch field {
            case .key:
                guard let key = message.pointee.key else { continue }
                writer.text("\"kafka.key\":\"")
                writer.escaped(UnsafeRawBufferPointer(start: key, count: message.pointee.key_len))
                writer.text("\",")
            case .timestamp:
                var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
                let time = rd_kafka_message_timestamp(message, &kind)
                guard kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE, time >= 0 else { continue }
                writer.member("\"kafka.timestamp\":", time)
            case .partition: writer.member("\"kafka.partition\":", Int64(message.pointee.partition))
            case .offset: writer.member("\"kafka.offset\":", message.pointee.offset)
            case .headers:
                forEachHeader(message) { name, value in
                    writer.text("\"kafka.header.")
                    writer.escaped(UnsafeRawBufferPointer(start: name, count: strlen(name)))
                    writer.text("\":\"")
                    writer.escaped(value)
                    writer.text("\",")
                }
            }
        }
        return writer.count
    }

    /// Of headers with the same name only the last counts: an object must not have a member twice.
    private func forEachHeader(
        _ message: UnsafePointer<rd_kafka_message_t>, _ body: (UnsafePointer<CChar>, UnsafeRawBufferPointer) -> Void
    ) {
        var headers: OpaquePointer?
        guard rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR, let headers else { return }
        let count = min(rd_kafka_header_cnt(headers), Self.maximumHeaders)
        for index in 0..<count {
            var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
            guard rd_kafka_header_get_all(headers, index, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let name, let value, !isRepeated(name, in: headers, after: index, count)
            else { continue }
            body(name, UnsafeRawBufferPointer(start: value, count: size))
        }
    }

    private func isRepeated(_ name: UnsafePointer<CChar>, in headers: OpaquePointer, after index: Int, _ count: Int)
        -> Bool
    {
        for later in (index + 1)..<max(index + 1, count) {
            var (other, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
            guard rd_kafka_header_get_all(headers, later, &other, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let other, value != nil
            else { continue }
            if strcmp(name, other) == 0 { return true }
        }
        return false
    }
}

/// Writes bytes one after the other to where there is room for them.
private struct Writer {
    private let start: UnsafeMutablePointer<UInt8>
    private(set) var count = 0

    init(_ start: UnsafeMutablePointer<UInt8>) { self.start = start }

    mutating func byte(_ byte: UInt8) {
        start[count] = byte
        count += 1
    }

    mutating func text(_ text: StaticString) {
        memcpy(start + count, text.utf8Start, text.utf8CodeUnitCount)
        count += text.utf8CodeUnitCount
    }

    mutating func member(_ name: StaticString, _ value: Int64) {
        text(name)
        if value < 0 { byte(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let first = count
        repeat {
            byte(UInt8(ascii: "0") + UInt8(rest % 10))
            rest /= 10
        } while rest > 0
        var digits = UnsafeMutableBufferPointer(start: start + first, count: count - first)
        digits.reverse()
        byte(UInt8(ascii: ","))
    }

    /// The inside of a JSON string; what is no UTF-8 becomes U+FFFD, because a decoder would refuse the record.
    mutating func escaped(_ bytes: UnsafeRawBufferPointer) {
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            if byte < 0x80 {
                escape(byte)
                index += 1
                continue
            }
            let length = sequenceLength(bytes, at: index)
            if length == 0 {
                for part: UInt8 in [0xEF, 0xBF, 0xBD] { self.byte(part) }
                index += 1
            } else {
                for offset in 0..<length { self.byte(bytes[index + offset]) }
                index += length
            }
        }
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"):
            self.byte(UInt8(ascii: "\\"))
            self.byte(byte)
        case 0..<0x20:
            text("\\u00")
            self.byte(UInt8(ascii: "0") + (byte >> 4))
            let low = byte & 15
            self.byte(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        default: self.byte(byte)
        }
    }

    /// Bytes of the well-formed sequence (Unicode 15, table 3-7) at an index; 0 = none.
    private func sequenceLength(_ bytes: UnsafeRawBufferPointer, at index: Int) -> Int {
        let lead = bytes[index]
        let length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2
        guard (0xC2...0xF4).contains(lead), index + length <= bytes.count else { return 0 }
        let second: ClosedRange<UInt8> =
            switch lead {
            case 0xE0: 0xA0...0xBF
            case 0xED: 0x80...0x9F
            case 0xF0: 0x90...0xBF
            case 0xF4: 0x80...0x8F
            default: 0x80...0xBF
            }
        guard second.contains(bytes[index + 1]) else { return 0 }
        for offset in 2..<max(2, length) where bytes[index + offset] & 0xC0 != 0x80 { return 0 }
        return length
    }
}

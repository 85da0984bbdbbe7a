@testable import Formats

/// Writes Avro's binary encoding, right or wrong as a test wants it (Avro 1.11, "Binary Encoding").
struct AvroText {
    var bytes: [UInt8] = []

    mutating func integer(_ value: Int64) {
        var rest = UInt64(bitPattern: (value << 1) ^ (value >> 63))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func string(_ text: some Collection<UInt8>) {
        integer(Int64(text.count))
        bytes += text
    }

    mutating func string(_ text: String) { string(Array(text.utf8)) }

    mutating func double(_ value: Double) {
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(shift)))
        }
    }

    mutating func float(_ value: Float) {
        for shift in stride(from: 0, to: 32, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt32(shift)))
        }
    }

    // MARK: Files

    static let mark = Array("mark of the file".utf8)

    static func header(_ schema: String, codec: String? = nil) -> [UInt8] {
        var text = AvroText(bytes: AvroHeader.magic)
        text.integer(codec == nil ? 1 : 2)
        text.string("avro.schema")
        text.string(schema)
        if let codec {
            text.string("avro.codec")
            text.string(codec)
        }
        text.integer(0)
        return text.bytes + mark
    }

    static func block(_ records: [[UInt8]], count: Int? = nil, size: Int? = nil, mark: [UInt8] = mark) -> [UInt8] {
        var text = AvroText()
        let data = Array(records.joined())
        text.integer(Int64(count ?? records.count))
        text.integer(Int64(size ?? data.count))
        return text.bytes + data + mark
    }

    // MARK: The example of the conformance tests

    static let schema = #"""
        {"type":"record","name":"R","fields":[
        {"name":"a","type":["null","double"]},{"name":"b","type":"string"},{"name":"skipped","type":"long"},
        {"name":"c","type":["long","null"]},{"name":"t","type":["null","string",{"type":"array","items":"string"}]},
        {"name":"y","type":["null","int",{"type":"enum","name":"E","symbols":["no","yes"]}]},
        {"name":"id","type":["null","long","string"]},{"name":"w","type":"float"}]}
        """#

    static func record(
        a: Double?, b: [UInt8], c: Int64?, t: String?, y: Int64?, id: Int64, w: Float
    ) -> [UInt8] {
        var text = AvroText()
        text.integer(a == nil ? 0 : 1)
        if let a { text.double(a) }
        text.string(b)
        text.integer(-70)
        text.integer(c == nil ? 1 : 0)
        if let c { text.integer(c) }
        text.integer(t == nil ? 0 : 1)
        if let t { text.string(t) }
        text.integer(y == nil ? 0 : 1)
        if let y { text.integer(y) }
        text.integer(1)
        text.integer(id)
        text.float(w)
        return text.bytes
    }

    /// Records, malformed ones, damaged blocks, and blocks behind them.
    static let example: [UInt8] = {
        let x = Array("x".utf8)
        let first = record(a: 1, b: x, c: 2, t: "some words here", y: 1, id: 1, w: 1)
        let second = record(
            a: -2.5e3, b: Array("a \"text\"\nof two lines".utf8), c: -8192, t: nil, y: 2, id: -7, w: 0.5)
        let missing = record(a: nil, b: Array("?".utf8), c: nil, t: "", y: nil, id: .max, w: 0)
        var bag = AvroText()
        bag.integer(0)
        bag.string("Straße")
        bag.integer(1 << 40)
        bag.integer(1)
        bag.integer(2)
        // Items in two pieces, one with its length.
        bag.integer(1)
        bag.string("bag")
        bag.integer(-2)
        bag.integer(9)
        bag.string("of")
        bag.string("words")
        bag.integer(0)
        bag.integer(1)
        bag.integer(1)
        bag.integer(2)
        bag.string("text id")
        bag.float(2)
        let refused = [
            record(a: .infinity, b: x, c: 1, t: "left tokens", y: 1, id: 2, w: 1),
            record(a: 1, b: [0xff, 0xfe], c: 1, t: "left tokens", y: 1, id: 3, w: 1),
            record(a: 1, b: x, c: 1, t: "left tokens", y: 1, id: 4, w: -1),
            record(a: .nan, b: x, c: 1, t: "t", y: 1, id: 5, w: 1),
        ]
        var branch = AvroText()
        branch.integer(7)
        var endless = AvroText()
        endless.integer(1)
        endless.double(1)
        endless.integer(1 << 50)
        let wrongMark = Array("another sixteen!".utf8)
        let third = record(a: 3, b: Array("é".utf8), c: 3, t: "more", y: 2, id: 6, w: 1)
        return header(schema) + block([first, second, missing, bag.bytes]) + block([]) + block(refused)
            + block([first, branch.bytes, third, third]) + block([third, endless.bytes])
            + block([third], mark: wrongMark)
            + block([third]) + block([third, second], size: 100_000) + block([third], size: -5) + block([third])
            + block([third], count: 3) + block([third, [1, 2, 3]], count: 1) + block([third], count: 1 << 40)
            + block([third, first]) + [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] + mark
            + block([first, second]) + Array(block([first, second]).dropLast(40))
    }()
}

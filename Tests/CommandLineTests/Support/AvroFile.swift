import Generators

/// The records of a generator as an Avro object container file, written by hand (Avro 1.11, "Object Container Files").
enum AvroFile {
    private static let mark = Array("sixteen of bytes".utf8)

    /// - Parameters:
    ///   - block: records a block.
    ///   - codec: `null`, or `deflate` with blocks that are stored, not compressed (RFC 1951, 3.2.4).
    ///   - damaged: the number of a stored block that cannot be read.
    static func generate(
        _ name: String, _ records: Int, block: Int, codec: String, damaged: Int? = nil
    ) throws -> [UInt8] {
        var generator = try GeneratorRegistry.find(name).make(1, [:])
        let fields = generator.fields
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: fields.count)
        defer { values.deallocate() }
        var file = Array("Obj".utf8) + [1] + integer(2) + string("avro.schema") + string(schema(fields))
        file += string("avro.codec") + string(codec) + [0] + mark
        var data: [UInt8] = []
        for index in 0..<records {
            generator.next(into: values)
            for (field, value) in zip(fields, values) {
                data += classes(field).isEmpty ? double(value) : integer(Int(value))
            }
            guard (index + 1) % block == 0 || index == records - 1 else { continue }
            let count = UInt16(clamping: data.count)
            if codec == "deflate" {
                let lengths = [count, ~count].flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
                data = [index / block == damaged ? 7 : 1] + lengths + data
            }
            file += integer(index % block + 1) + integer(data.count) + data + mark
            data = []
        }
        return file
    }

    /// Numbers are doubles, what has classes is an enumeration of them.
    private static func schema(_ fields: [GeneratedField]) -> String {
        let texts = fields.map { field in
            let symbols = classes(field).map { "\"\($0)\"" }.joined(separator: ",")
            let type = #"{"type":"enum","name":"\#(field.name)_classes","symbols":[\#(symbols)]}"#
            return #"{"name":"\#(field.name)","type":\#(classes(field).isEmpty ? "\"double\"" : type)}"#
        }
        return #"{"type":"record","name":"R","fields":[\#(texts.joined(separator: ","))]}"#
    }

    private static func classes(_ field: GeneratedField) -> [String] {
        if case .categorical(let names) = field.kind { names } else { [] }
    }

    static func integer(_ value: Int) -> [UInt8] {
        var rest = UInt64(bitPattern: Int64((value << 1) ^ (value >> 63)))
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func string(_ text: String) -> [UInt8] { integer(text.utf8.count) + Array(text.utf8) }

    private static func double(_ value: Double) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
    }
}

import Records
import Testing

@testable import Formats

@Suite struct LIBSVMDecoderTests {
    static func decoder(_ task: Records.Task = .binary, bits: Int = 18) -> LIBSVMDecoder {
        LIBSVMDecoder(
            schema: Schema(fields: [], task: task, isFeatureNative: true), options: LIBSVMOptions(bits: bits))
    }

    @Test func readsLabelsAndFeatures() throws {
        let text = """
            +1 1:0.5 3:-2 7:1e-3\r
            -1 qid:4 0:1 2:0 262145:2 # a comment: 9
            # nothing
              \t
            2:3 4:5
            1  2:.5\t3:007#glued 9:9
            1

            """
        let decoded = try VWHarness.decode(Self.decoder(), text)
        #expect(decoded.rejected == [])
        #expect(decoded.records.map(\.label) == ["1", "-1", "", "1", "1"])
        #expect(decoded.records.map { Array($0.indices.dropLast()) } == [[1, 3, 7], [0, 1], [2, 4], [2, 3], []])
        #expect(
            decoded.records.map { Array($0.values.dropLast()) } == [[0.5, -2, 1e-3], [1, 2], [3, 5], [0.5, 7], []])
        #expect(decoded.records.map(\.position.line) == [1, 2, 5, 6, 7])
        #expect(decoded.records[0].raw == Array("+1 1:0.5 3:-2 7:1e-3".utf8))
    }

    @Test(arguments: [
        ("1 3:1 2:1", "index 2 after 3: indices must ascend"),
        ("1 2:1 2:1", "index 2 after 2: indices must ascend"),
        ("1 2:x", "the value of index 2 is not a finite number"),
        ("1 2:", "the value of index 2 is not a finite number"),
        ("1 2:inf", "the value of index 2 is not a finite number"),
        ("1 2:1e39", "the value of index 2 is out of range"),
        ("1 a:1", "not of the form index:value: 'a'"),
        ("1 2", "not of the form index:value: '2'"),
        ("1 2:3:4", "neither a blank nor a line end after a value"),
        ("x 2:3", "label is not a finite number: 'x'"),
    ])
    func malformedLinesAreRejected(_ line: String, _ reason: String) throws {
        let decoded = try VWHarness.decode(Self.decoder(), "1 1:1\n\(line)\n-1 2:2\n")
        #expect(decoded.rejected == [reason])
        #expect(decoded.rejectedLines == [2])
        #expect(decoded.records.map(\.indices.count) == [2, 2])
    }

    /// Only at the beginning of a part: elsewhere it is no label.
    @Test func aByteOrderMarkIsPassedOver() throws {
        let mark: [UInt8] = [0xef, 0xbb, 0xbf]
        let text = mark + Array("+1 1:2\n".utf8) + mark + Array("-1 2:3\n-1 4:5\n".utf8)
        for cuts in [[], [1], [2], [10]] {
            let decoded = try VWHarness.decode(Self.decoder(), text, cuts: cuts)
            #expect(decoded.records.map(\.label) == ["1", "-1"], "\(cuts)")
            #expect(decoded.records.map(\.position.offset) == [3, 20], "\(cuts)")
            #expect(decoded.rejectedLines == [2], "\(cuts)")
        }
        let chunk = Chunk(capacity: text.count)
        text.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        var sample = Sample()
        #expect(try LIBSVMSampler().sample(chunk, isEnd: true, limit: 10, into: &sample) == text.count)
        #expect(sample.values["label"] == [.number(1), .string("\u{feff}-1"), .number(-1)])
    }

    @Test func classNamesMayBeWords() throws {
        let decoded = try VWHarness.decode(Self.decoder(.multiclass), "cat 1:1\n1,2 1:1\n")
        #expect(decoded.records.map(\.label) == ["cat", "1,2"])
    }

    @Test func samplerReadsLabels() throws {
        let text = Array("+1 1:2\n# c\n1:2\nx 1:2\n".utf8)
        let chunk = Chunk(capacity: text.count)
        text.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        var sample = Sample()
        #expect(try LIBSVMSampler().sample(chunk, isEnd: true, limit: 10, into: &sample) == text.count)
        #expect(sample.values["label"] == [.number(1), .missing, .string("x")])
    }
}

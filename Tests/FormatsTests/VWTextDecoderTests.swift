import Foundation
import Records
import Testing

@testable import Formats

@Suite struct VWTextDecoderTests {
    /// Lines of odd.txt that Vowpal Wabbit takes with a shrug and this decoder rejects.
    static let rejectedOdd = [
        5, 6, 7, 8, 23, 24, 26, 28, 29, 38, 39, 49, 51, 53, 54, 55, 56, 67, 68, 72, 74, 75,
    ]

    @Test func oddLinesReadAsInVowpalWabbit() throws {
        for file in ["odd", "oddcrlf"] {
            let decoded = try VWHarness.decode(VWHarness.vw(), try VWHarness.fixture("\(file).txt"))
            let golden = String(decoding: try VWHarness.fixture("\(file).features"), as: UTF8.self)
            var records = decoded.records[...]
            for line in golden.split(separator: "\n") {
                let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
                guard fields.count == 5, let number = Int(fields[0]) else { continue }
                if decoded.rejectedLines.contains(number) { continue }
                guard let record = records.popFirst() else { break }
                #expect(record.position.line == number)
                #expect(record.number.map { Float($0) } == Float(fields[1]), "\(file), line \(number)")
                #expect(record.weight == Float(fields[2]), "\(file), line \(number)")
                #expect(record.tag == fields[3], "\(file), line \(number)")
                let pairs = fields[4].split(separator: " ").map { $0.split(separator: ":").map(String.init) }
                #expect(record.indices == pairs.compactMap { UInt32($0[0]) }, "\(file), line \(number)")
                let values = pairs.compactMap { Float($0[1]) }
                #expect(values.count == record.values.count)
                for (value, expected) in zip(record.values, values) {
                    #expect(abs(value - expected) <= abs(expected) * 2e-7, "\(file), line \(number)")
                }
            }
            #expect(records.isEmpty)
            if file == "odd" { #expect(decoded.rejectedLines == Self.rejectedOdd, "\(decoded.rejected)") }
        }
    }

    @Test(arguments: [
        ("1 |a x:1foo y", "feature 'x' has a value that is not a number"),
        ("1 |a x:1:2 y", "feature 'x' has a value that is not a number"),
        ("1 |a x:nan", "feature 'x' has a value that is not finite"),
        ("1 |a x:1e39", "feature 'x' has a value that is not finite"),
        ("1 |a x:-", "feature 'x' has a value that is not a number"),
        ("1 |a:foo x", "the scale of namespace 'a' is not a finite number"),
        ("1 |:2 x", "a scale without a namespace after '|'"),
        ("foo |a x", "label is not a number: 'foo'"),
        ("inf |a x", "label is not a number: 'inf'"),
        ("1 -1 |a x", "weight is not a number of at least 0: '-1'"),
        ("1 1 0.5 |a x", "a base prediction other than 0 is not supported: '0.5'"),
        ("1 2 0 4 |a x", "4 words before '|', where a label, a weight and a tag may stand"),
        ("1 |a x\ry", "carriage return inside the line"),
        ("'save_model|", "a command to Vowpal Wabbit, not a record: 'save_model'"),
    ])
    func malformedLinesAreRejected(_ line: String, _ reason: String) throws {
        let decoded = try VWHarness.decode(VWHarness.vw(), "1 |a x\n\(line)\n2 |a y\n")
        #expect(decoded.rejected == [reason])
        #expect(decoded.rejectedLines == [2])
        #expect(decoded.records.map(\.number) == [1, 2])
        #expect(decoded.records.map(\.indices.count) == [2, 2])
    }

    @Test func invalidUTF8IsRejected() throws {
        let decoded = try VWHarness.decode(VWHarness.vw(), Array("1 |a x".utf8) + [0xff, 10] + Array("1 |a ü\n".utf8))
        #expect(decoded.rejected == ["invalid UTF-8"])
        #expect(decoded.records.count == 1)
    }

    @Test func labelsOfTwoClassesHaveOneSpelling() throws {
        let text = "1 |a\n+1 |a\n1.0 |a\n-1 |a\n-1.0 |a\n0 |a\n|a\n1e0 |a\n+2 |a\n3.4028235e38 |a\n"
        let decoded = try VWHarness.decode(VWHarness.vw(.binary), text)
        #expect(decoded.records.map(\.label) == ["1", "1", "1", "-1", "-1", "0", "", "1", "2", ""])
        #expect(decoded.rejected == [])
    }

    @Test func classNamesMayBeWords() throws {
        let decoded = try VWHarness.decode(VWHarness.vw(.multiclass), "cat 2 'id7|a x\n3 |a\nred|a\n1 2 3 |a\n")
        #expect(decoded.records.map(\.label) == ["cat", "3", ""])
        #expect(decoded.records.map(\.tag) == ["id7", "", "red"])
        #expect(decoded.records[0].weight == 2)
        #expect(decoded.rejected.count == 1)
    }

    @Test func repeatedNamespacesComeTogether() throws {
        let decoder = VWHarness.vw(spans: true)
        let decoded = try VWHarness.decode(decoder, "1 |a x |b y |ab z |b w\n1 | q\n1 |c\n")
        let parts = try VWHarness.decode(decoder, "1 |a x\n1 |ab z\n1 |b y w\n")
        #expect(decoded.records[0].spans == ["a 0..<2", "b 2..<4"])
        #expect(
            decoded.records[0].indices.dropLast()
                == parts.records.flatMap { $0.indices.dropLast() }[...])
        #expect(decoded.records[1].spans == ["  0..<1"])
        #expect(decoded.records[2].spans == [])
        #expect(decoded.records[2].indices == [116_060])
    }

    @Test func indicesKeepTheLowBits() throws {
        for bits in [1, 10, 31, 32] {
            let wide = try VWHarness.decode(VWHarness.vw(bits: 32), "1 |a x y:2 12\n").records[0].indices
            let narrow = try VWHarness.decode(VWHarness.vw(bits: bits), "1 |a x y:2 12\n").records[0].indices
            #expect(narrow == wide.map { $0 & (UInt32.max >> UInt32(32 - bits)) })
        }
    }

    @Test func samplerReadsLabels() throws {
        let text = Array("1 |a\r\n\nx 'tag|a\n|a\n-2.5 3 |a\n7 |cut".utf8)
        let chunk = Chunk(capacity: text.count)
        text.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        var sample = Sample()
        let used = try VWTextSampler().sample(chunk, isEnd: false, limit: 10, into: &sample)
        #expect(used == text.count - 6)
        #expect(sample.records == 4)
        #expect(sample.values["label"] == [.number(1), .string("x"), .missing, .number(-2.5)])
    }

    @Test func piecesCutAnywhereGiveTheSame() throws {
        let text = try VWHarness.fixture("odd.txt") + Array("1 |a last".utf8)
        let whole = try VWHarness.decode(VWHarness.vw(spans: true), text)
        #expect(whole.end.offset == text.count + 1)
        for cut in 0...text.count {
            for capacity in [2, 64] {
                let pieces = try VWHarness.decode(VWHarness.vw(spans: true), text, cuts: [cut], capacity: capacity)
                #expect(pieces == whole, "cut at \(cut)")
            }
        }
        let every = try VWHarness.decode(VWHarness.vw(spans: true), text, cuts: Array(0..<text.count))
        #expect(every == whole)
    }
}

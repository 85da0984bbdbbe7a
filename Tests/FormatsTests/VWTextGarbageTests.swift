import Records
import Testing

@testable import Formats

@Suite struct VWTextGarbageTests {
    static let alphabet = Array("|:: '\t\r\n01.eE-+xa\u{1}\u{0}#".utf8) + [0xc3, 0xff, 0xef]

    static func mutate(_ text: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var text = text
        for _ in 0..<Int.random(in: 1...12, using: &random) where !text.isEmpty {
            let at = Int.random(in: 0..<text.count, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0: text.remove(at: at)
            case 1: text[at] = UInt8.random(in: 0...255, using: &random)
            default: text.insert(alphabet[Int.random(in: 0..<alphabet.count, using: &random)], at: at)
            }
        }
        return text
    }

    /// Garbage is decoded or rejected, never half; both paths through the decoder agree: a byte order mark at the
    /// beginning of a line is dropped, but forces the slow one.
    @Test(arguments: [1, 2, 3] as [UInt64]) func vowpalText(_ seed: UInt64) throws {
        print("VWTextGarbageTests.vowpalText seed \(seed)")
        var random = SeededGenerator(state: seed)
        let source = try VWHarness.fixture("odd.txt") + VWHarness.fixture("bin.txt") + VWHarness.fixture("mcw.txt")
        let lines = source.split(separator: 10).map(Array.init)
        for round in 0..<150 {
            let task = Records.Task.allCases[round % 3]
            var text: [UInt8] = []
            for _ in 0..<20 { text += lines[Int.random(in: 0..<lines.count, using: &random)] + [10] }
            text = Self.mutate(text, &random)
            let fast = try VWHarness.decode(VWHarness.vw(task, spans: true), text)
            check(fast, text)
            var marked: [UInt8] = []
            for line in text.split(separator: 10, omittingEmptySubsequences: false) {
                let isBare = line.isEmpty || line.elementsEqual([13]) || line.starts(with: [0xef, 0xbb, 0xbf])
                marked += (isBare ? [] : [0xef, 0xbb, 0xbf]) + line + [10]
            }
            let slow = try VWHarness.decode(VWHarness.vw(task, spans: true), marked)
            #expect(fast.records.map(\.content) == slow.records.map(\.content), "seed \(seed), round \(round)")
            #expect(fast.rejected == slow.rejected, "seed \(seed), round \(round)")
            let cuts = (0..<4).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
            let pieces = try VWHarness.decode(VWHarness.vw(task, spans: true), text, cuts: cuts, capacity: 3)
            #expect(pieces == fast, "seed \(seed), round \(round)")
        }
    }

    @Test(arguments: [4, 5] as [UInt64]) func libsvmText(_ seed: UInt64) throws {
        print("VWTextGarbageTests.libsvmText seed \(seed)")
        var random = SeededGenerator(state: seed)
        let lines = ["1 1:0.5 3:2", "-1 qid:3 2:1e-3 7:-2.5 # c", "+1 0:1 262145:7", "# all", "", "2:3 4:5", "a 1:2"]
        for round in 0..<300 {
            let task = Records.Task.allCases[round % 3]
            var text: [UInt8] = []
            for _ in 0..<12 { text += Array(lines[Int.random(in: 0..<lines.count, using: &random)].utf8) + [10] }
            text = Self.mutate(text, &random)
            let whole = try VWHarness.decode(LIBSVMDecoderTests.decoder(task), text)
            check(whole, text)
            let cuts = (0..<4).map { _ in Int.random(in: 0...text.count, using: &random) }.sorted()
            #expect(try VWHarness.decode(LIBSVMDecoderTests.decoder(task), text, cuts: cuts, capacity: 3) == whole)
        }
    }

    private func check(_ decoded: Decoded, _ text: [UInt8]) {
        let constant: UInt32 = 11_650_396 & 0x3ffff
        let isSealed = text.last == 10
        #expect(decoded.end.offset == text.count + (isSealed ? 0 : 1))
        #expect(decoded.end.line == text.filter { $0 == 10 }.count + (isSealed ? 1 : 2))
        for record in decoded.records {
            #expect(record.values.allSatisfy { $0.isFinite && $0 != 0 })
            #expect(record.indices.allSatisfy { $0 < 1 << 18 })
            #expect(record.weight.isFinite && record.weight >= 0)
            #expect(record.indices.last == constant)
            #expect(record.number?.isFinite ?? true)
        }
    }
}

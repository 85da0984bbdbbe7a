import Foundation
import Records

@testable import Formats

/// One decoded record, copied out of its batch.
struct DecodedRecord: Equatable {
    var label: String
    var number: Double?
    var weight: Float
    var tag: String
    var indices: [UInt32]
    var values: [Float]
    var spans: [String]
    var position: RecordPosition
    var raw: [UInt8]

    /// The same, wherever it stood.
    var content: DecodedRecord {
        var copy = self
        copy.position = RecordPosition(part: 0, offset: 0, line: 0)
        copy.raw = []
        return copy
    }
}

/// Everything a decoder made of a text.
struct Decoded: Equatable {
    var records: [DecodedRecord] = []
    var rejected: [String] = []
    var rejectedLines: [Int] = []
    var end = RecordPosition(part: 0, offset: 0, line: 1)
}

enum VWHarness {
    static func vw(_ task: Records.Task = .regression, bits: Int = 18, spans: Bool = false) -> VWTextDecoder {
        VWTextDecoder(
            schema: Schema(fields: [], task: task, isFeatureNative: true),
            options: VWTextOptions(bits: bits, keepsNamespaceSpans: spans))
    }

    /// Feeds a text in pieces that end at `cuts`, each as a source would: what was not used up comes again.
    static func decode(
        _ decoder: any RecordDecoder, _ text: [UInt8], cuts: [Int] = [], capacity: Int = 16
    ) throws -> Decoded {
        var decoded = Decoded()
        let batch = RecordBatch(capacity: capacity, numericCount: 0, categoricalCount: 0, isFeatureNative: true)
        var start = 0
        for cut in cuts + [text.count] where cut >= start {
            let isEnd = cut == text.count
            let chunk = Chunk(capacity: cut - start + 1)
            text[start..<cut].withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
            if isEnd, text.last != 10 { [10].withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, 1)) } }
            chunk.sealPadding()
            chunk.position = RecordPosition(part: 0, offset: start, line: decoded.end.line)
            var offset = 0
            while offset < chunk.count {
                batch.recycle()
                batch.endPosition = decoded.end
                offset = try decoder.decode(chunk, from: offset, isEnd: isEnd, into: batch)
                decoded.end = batch.endPosition
                collect(batch, &decoded)
                if !batch.isFull { break }
            }
            start += offset
        }
        return decoded
    }

    static func decode(_ decoder: any RecordDecoder, _ text: String) throws -> Decoded {
        try decode(decoder, Array(text.utf8))
    }

    private static func collect(_ batch: RecordBatch, _ decoded: inout Decoded) {
        guard let features = batch.features else { return }
        for row in 0..<batch.rows {
            let range = features.offsets[row]..<features.offsets[row + 1]
            let spans =
                features.spanEnds.isEmpty
                ? [] : features.spans[(row == 0 ? 0 : features.spanEnds[row - 1])..<features.spanEnds[row]]
            let number = batch.targetNumbers[row]
            decoded.records.append(
                DecodedRecord(
                    label: batch.targetTexts[row].text, number: number.isNaN ? nil : number,
                    weight: batch.weights[row], tag: batch.ids[row].text,
                    indices: range.map { features.indices[$0] }, values: range.map { features.values[$0] },
                    spans: spans.map {
                        "\(UnicodeScalar($0.initial)) \($0.start - range.lowerBound)..<\($0.end - range.lowerBound)"
                    },
                    position: batch.positions[row], raw: Array(batch.raw[row].buffer)))
        }
        for record in batch.rejected {
            decoded.rejected.append(record.reason)
            decoded.rejectedLines.append(record.position.line)
        }
    }

    static func fixture(_ name: String) throws -> [UInt8] {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        return Array(try Data(contentsOf: folder.appendingPathComponent("Fixtures/Vowpal/\(name)")))
    }
}

/// SplitMix64, for mutations that can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

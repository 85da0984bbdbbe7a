import Records

@testable import Formats

/// Decodes documents as the engine's reader does, and compares what comes out.
enum Conformance {
    /// Everything that a batch says about one record.
    struct Row: Equatable {
        var numbers: [UInt64] = []
        var categories: [UInt64] = []
        var tokens: [UInt64] = []
        var target: UInt64 = 0
        var targetText: [UInt8] = []
        var weight: Float = 0
        var id: [UInt8] = []
        var position = RecordPosition(part: 0, offset: 0, line: 0)
        var raw: [UInt8] = []
        var indices: [UInt32] = []
        var values: [UInt32] = []
    }

    struct Rejection: Equatable {
        var reason: String
        var position: RecordPosition
        var bytes: [UInt8]
    }

    struct Outcome: Equatable {
        var rows: [Row] = []
        var rejected: [Rejection] = []
        var end = RecordPosition(part: 0, offset: 0, line: 1)
        var error: String?
        /// What broke a promise of the batch itself.
        var faults: [String] = []
    }

    /// Decodes a document whose bytes arrive in pieces.
    static func decode(_ decoder: any RecordDecoder, _ schema: Schema, _ pieces: [[UInt8]], capacity: Int) -> Outcome {
        var reader = Reader(decoder, schema, capacity)
        decoder.beginPart()
        do throws(FormatError) {
            for piece in pieces { try reader.take(piece) }
            try reader.finish()
        } catch { reader.outcome.error = error.description }
        return reader.outcome
    }

    static func decode(_ example: Example, _ document: [UInt8], capacity: Int = 256) -> Outcome {
        decode(example.makeDecoder(), example.schema, [document], capacity: capacity)
    }

    static func decode(_ example: Example, pieces: [[UInt8]], capacity: Int = 256) -> Outcome {
        decode(example.makeDecoder(), example.schema, pieces, capacity: capacity)
    }

    /// What the engine's RecordReader does with bytes, on its own.
    private struct Reader {
        let decoder: any RecordDecoder
        let capacity: Int
        let batch: RecordBatch
        let hasText: Bool
        var chunk = Chunk(capacity: 0)
        var offset = 0
        var outcome = Outcome()

        init(_ decoder: any RecordDecoder, _ schema: Schema, _ capacity: Int) {
            self.decoder = decoder
            self.capacity = capacity
            hasText = !schema.fields(.text).isEmpty
            batch = RecordBatch(capacity: capacity, for: schema)
            // Whatever a decoder forgets to write must show.
            for index in 0..<max(batch.numericCount * batch.columnStride, 1) { batch.numbers[index] = 77 }
            for index in 0..<max(batch.categoricalCount * batch.columnStride, 1) { batch.categories[index] = 77 }
        }

        mutating func take(_ piece: [UInt8]) throws(FormatError) {
            let rest = chunk.count - offset
            let next = Chunk(capacity: rest + piece.count + 1)
            next.append(ByteRange(UnsafePointer(chunk.base) + offset, rest))
            next.position = RecordPosition(part: 0, offset: chunk.position.offset + offset, line: 1)
            piece.withUnsafeBufferPointer { next.append(ByteRange($0.baseAddress, $0.count)) }
            next.sealPadding()
            chunk = next
            offset = 0
            try drain(isEnd: false)
        }

        mutating func finish() throws(FormatError) {
            if chunk.count > offset {
                if chunk.base[chunk.count - 1] != UInt8(ascii: "\n"), !(decoder is AvroFileDecoder) {
                    chunk.base[chunk.count] = UInt8(ascii: "\n")
                    chunk.count += 1
                    chunk.sealPadding()
                }
                try drain(isEnd: true)
                if offset != chunk.count { outcome.faults.append("bytes left over at the end") }
            }
            collect()
        }

        private mutating func drain(isEnd: Bool) throws(FormatError) {
            while offset < chunk.count {
                let before = offset
                offset = try decoder.decode(chunk, from: offset, isEnd: isEnd, into: batch)
                if offset < before || offset > chunk.count {
                    outcome.faults.append("offset \(offset) is outside")
                    offset = chunk.count
                }
                if batch.rows > capacity { outcome.faults.append("more rows than fit") }
                guard batch.isFull else { break }
                collect()
            }
        }

        private mutating func collect() {
            if hasText, batch.tokenEnds.count != batch.rows || batch.tokens.count != batch.tokenEnds.last ?? 0 {
                outcome.faults.append("tokens of no record")
            }
            if let features = batch.features, features.rows != batch.rows {
                outcome.faults.append("\(features.rows) rows of features for \(batch.rows) records")
            }
            for row in 0..<batch.rows { outcome.rows.append(Row(batch, row)) }
            for record in batch.rejected {
                outcome.rejected.append(
                    Rejection(reason: record.reason, position: record.position, bytes: record.bytes))
            }
            outcome.end = batch.endPosition
            batch.recycle()
        }
    }
}

extension Conformance.Row {
    init(_ batch: RecordBatch, _ row: Int) {
        numbers = (0..<batch.numericCount).map { batch.numbers[$0 * batch.columnStride + row].bitPattern }
        categories = (0..<batch.categoricalCount).map { batch.categories[$0 * batch.columnStride + row] }
        if !batch.tokenEnds.isEmpty {
            tokens = Array(batch.tokens[(row > 0 ? batch.tokenEnds[row - 1] : 0)..<batch.tokenEnds[row]])
        }
        target = batch.targetNumbers[row].bitPattern
        targetText = Array(batch.targetTexts[row].buffer)
        weight = batch.weights[row]
        id = Array(batch.ids[row].buffer)
        position = batch.positions[row]
        raw = Array(batch.raw[row].buffer)
        if let features = batch.features {
            for index in features.offsets[row]..<features.offsets[row + 1] {
                indices.append(features.indices[index])
                values.append(features.values[index].bitPattern)
            }
        }
    }

    /// The same record wherever it stood.
    var anywhere: Conformance.Row {
        var row = self
        row.position = RecordPosition(part: 0, offset: 0, line: 0)
        row.raw = []
        return row
    }
}

/// SplitMix64 (Steele et al. 2014).
struct ConformanceRandom: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func pick<T>(_ items: [T]) -> T { items[below(items.count)] }
}

import Components
import Connectors
import Formats
import Records
import State
import Testing

@testable import Engine

/// What a run shows of its records to those who look.
@Suite struct ObservationTests {
    private static func batch(_ numbers: [[Double]], _ categories: [[UInt64]]) -> RecordBatch {
        let rows = numbers.first?.count ?? categories.first?.count ?? 0
        let batch = RecordBatch(
            capacity: max(rows, 1), numericCount: numbers.count, categoricalCount: categories.count,
            isFeatureNative: false)
        batch.rows = rows
        for (column, values) in numbers.enumerated() {
            for (row, value) in values.enumerated() { batch.numbers[column * batch.columnStride + row] = value }
        }
        for (column, values) in categories.enumerated() {
            for (row, value) in values.enumerated() { batch.categories[column * batch.columnStride + row] = value }
        }
        return batch
    }

    private static func add(_ batch: RecordBatch, to totals: inout FieldTotals) {
        totals.add(batch, totals.block(of: batch.rows))
    }

    /// Against a loop that looks at one value after the other.
    @Test(arguments: 1...20) func totalsAreThoseOfASlowTwin(seed: Int) {
        let random = RandomGenerator(seed: UInt64(seed))
        var totals = FieldTotals(numbers: 2, categories: 1)
        var values: [[Double]] = [[], []]
        var hashes: [UInt64] = []
        for _ in 0..<10 {
            let rows = Int(random.nextUniform() * 40)
            let numbers = (0..<2).map { _ in
                (0..<rows).map { _ in random.nextUniform() < 0.2 ? Double.nan : random.nextUniform() * 1e3 - 500 }
            }
            let categories = (0..<rows).map { _ in
                random.nextUniform() < 0.3 ? 0 : UInt64(1 + Int(random.nextUniform() * 50)) &* 0x1234_5678_9abc_def1
            }
            for column in 0..<2 { values[column] += numbers[column] }
            hashes += categories
            Self.add(Self.batch(numbers, [categories]), to: &totals)
        }
        #expect(totals.rows == hashes.count, "seed \(seed)")
        for column in 0..<2 {
            let known = values[column].filter { !$0.isNaN }
            #expect(totals.numbers[column].present == known.count, "seed \(seed)")
            #expect(totals.numbers[column].low == known.min() ?? .infinity, "seed \(seed)")
            #expect(totals.numbers[column].high == known.max() ?? -.infinity, "seed \(seed)")
            let mean = known.isEmpty ? nil : known.reduce(0, +) / Double(known.count)
            #expect(abs((totals.numbers[column].mean ?? 0) - (mean ?? 0)) < 1e-9, "seed \(seed)")
        }
        #expect(totals.categories[0].present == hashes.count { $0 != 0 }, "seed \(seed)")
        // So few values seldom share a bit.
        let distinct = Set(hashes.filter { $0 != 0 }).count
        #expect(abs(totals.categories[0].distinct - distinct) <= 2, "seed \(seed)")
    }

    @Test func longStreamsAreCountedInPart() {
        var totals = FieldTotals(numbers: 1, categories: 0)
        let batch = Self.batch([Array(repeating: 2, count: 250)], [])
        for _ in 0..<80 { Self.add(batch, to: &totals) }
        #expect(totals.rows == FieldTotals.exactRecords)
        for _ in 0..<50 { Self.add(batch, to: &totals) }
        #expect(totals.rows == FieldTotals.exactRecords + 10 * FieldTotals.blockRows)
        // Few records at a time are all counted: whoever sends them wants to see them.
        let few = Self.batch([[3]], [])
        for _ in 0..<10 { Self.add(few, to: &totals) }
        #expect(totals.rows == FieldTotals.exactRecords + 10 * FieldTotals.blockRows + 10)
        #expect(totals.numbers[0].low == 2 && totals.numbers[0].high == 3)
    }

    @Test(arguments: [100, 3000, 50_000]) func differentValues(count: Int) {
        var totals = FieldTotals(numbers: 0, categories: 1)
        let random = RandomGenerator(seed: 1)
        let known = (0..<100).map { _ in random.next() | 1 }
        for _ in 0..<10 { Self.add(Self.batch([], [known]), to: &totals) }
        #expect(totals.categories[0].unseen == 0)
        let values = known + (0..<count - 100).map { _ in random.next() | 1 }
        for start in stride(from: 0, to: count, by: 10) {
            Self.add(Self.batch([], [Array(values[start..<min(start + 10, count)])]), to: &totals)
        }
        let found = Double(totals.categories[0].distinct)
        #expect(abs(found / Double(count) - 1) < 0.05, "\(found)")
        #expect(abs(totals.categories[0].unseen - (count - 100)) <= max(2, count / 20))
    }

    @Test func valuesTooLargeToAddUp() {
        var totals = FieldTotals(numbers: 1, categories: 0)
        Self.add(Self.batch([Array(repeating: Double.greatestFiniteMagnitude, count: 8)], []), to: &totals)
        #expect(totals.numbers[0].mean == nil)
        let values = [-Double.greatestFiniteMagnitude, 0, .greatestFiniteMagnitude]
        #expect(Distribution(of: values, bins: 4)?.counts == [1, 0, 1, 1])
    }

    @Test func aStrayValueDoesNotHideTheOthers() {
        let values = (0..<1000).map { Double($0 % 10) } + [1e9]
        let distribution = Distribution(of: values, bins: 10)
        #expect(distribution?.low == 0)
        #expect(distribution?.high == 9)
        #expect(distribution?.counts.reduce(0, +) == 1000)
        #expect(Distribution(of: [3, 3, 3], bins: 10)?.counts == [3])
        #expect(Distribution(of: [], bins: 10) == nil)
    }

    @Test func calibrationByHand() {
        let outcomes: [(probability: Double, cameTrue: Bool)] = [
            (0.02, false), (0.08, true), (0.55, true), (0.57, false), (0.58, true), (1, true),
        ]
        let curve = CalibrationBin.curve(outcomes)
        #expect(curve.map(\.count) == [2, 3, 1])
        #expect(curve.map(\.observed) == [0.5, 2.0 / 3, 1])
        #expect(abs(curve[0].predicted - 0.05) < 1e-12)
    }

    @Test func ringKeepsTheNewest() {
        let ring = SampleRing(width: 2, capacity: 3)
        for value in 0..<5 as Range<UInt64> {
            let place = ring.add()
            (place[0], place[1]) = (value, value * 10)
        }
        let copy = SampleRing(width: 2, capacity: 3)
        copy.copy(ring)
        #expect((0..<copy.count).map { copy.sample($0)[1] } == [40, 30, 20])
    }

    @Test(arguments: [1, 7, 256]) func rowsOfABatch(rows: Int) {
        var sampling = RowSampling(rowsPerBatch: 4)
        func taken() -> Int {
            var count = 0
            for row in 0..<rows where row >= sampling.next {
                sampling.take(row)
                count += 1
            }
            return count
        }
        sampling.begin(rows: rows, isFull: false)
        #expect(taken() == rows)
        for _ in 0..<10 {
            sampling.begin(rows: rows, isFull: true)
            #expect((1...max(4, 7)).contains(taken()))
        }
    }

    /// Watching has no part in what is learned, and looking changes nothing.
    @Test(arguments: [1, 64]) func aWatchedRunLearnsTheSame(batchSize: Int) throws {
        func run(_ live: LiveModel?) throws -> String {
            var options = RunOptions()
            options.live = live
            let source = ScriptedSource(parts: [("one", Script.text)], piece: 4096)
            return try Run(Script.configuration(batchSize: batchSize), source: source, options: options).execute()
                .digest
        }
        let live = LiveModel()
        #expect(try run(live) == run(nil))
        let before = try #require(live.status)
        for _ in 0..<3 { _ = live.observe() }
        let seen = try #require(live.observe())
        #expect(seen.fields.map(\.name) == ["a", "b"])
        #expect(seen.fields[0].low == 0.5 && seen.fields[0].high == 10.5 && seen.fields[0].missing == 0)
        #expect(seen.fields[1].distinct == 5 && seen.fields[1].unseen == 0)
        let good = Script.lines.count { !$0.contains("oops") }
        #expect(seen.targetCounts.reduce(0) { $0 + $1.count } == good)
        #expect(seen.predictions?.counts.reduce(0, +) == good)
        #expect(seen.calibration.reduce(0) { $0 + $1.count } == good)
        #expect(Set(seen.influences.map(\.name)) == ["a", "b"])
        let after = try #require(live.status)
        #expect(before.metrics == after.metrics && before.info.version == after.info.version)
    }

    /// The decoders' own reasons, as records bring them about.
    @Test(arguments: [
        ("jsonl", #"{"x":1,"y":"#, RejectionClass.malformed), ("jsonl", "[1]", .malformed),
        ("jsonl", #"{"x":1e999,"y":1}"#, .outOfRange), ("jsonl", #"{"x":1,"y":"weight"}"#, .target),
        ("jsonl", #"{"x":"out of range","y":1}"#, .notANumber), ("jsonl", #"{"x":1,"y":1,"w":-1}"#, .weight),
    ])
    func rejections(format: String, line: String, expected: RejectionClass) throws {
        let schema = Schema(
            fields: [Field("x", .numeric), Field("y", .target), Field("w", .weight)], task: .regression)
        let descriptor = try #require(FormatRegistry.find(format))
        let decoder = descriptor.makeDecoder(schema, DecoderOptions())
        decoder.beginPart()
        let chunk = Chunk(capacity: 256)
        let bytes = Array((line + "\n").utf8)
        bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        let batch = RecordBatch(capacity: 4, numericCount: 1, categoricalCount: 0, isFeatureNative: false)
        _ = try decoder.decode(chunk, from: 0, isEnd: true, into: batch)
        let reason = try #require(batch.rejected.first?.reason)
        #expect(RejectionClass(reason: reason) == expected, "\(reason)")
    }

    @Test func otherReasons() {
        #expect(RejectionClass(reason: "record longer than 16 bytes (--max-record-bytes)") == .tooLong)
        #expect(RejectionClass(reason: "invalid UTF-8") == .encoding)
        #expect(RejectionClass(reason: "3 fields where the header has 4") == .malformed)
        #expect(RejectionClass(reason: "target 'c' is a third class; the task is binary with 'a' and 'b'") == .target)
    }
}

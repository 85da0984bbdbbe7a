import Records
import State
import Testing

@testable import Engine

/// Records put in order, against sorting them.
@Suite struct EventOrderTests {
    private static let schema = Schema(
        fields: [Field("when", .time), Field("x", .numeric), Field("c", .categorical), Field("y", .target)],
        task: .binary, classes: ["0", "1"])

    private struct Event: Equatable {
        let time: Double
        let number: Double
    }

    private static func pipeline(_ options: OrderOptions) throws -> Pipeline {
        var configuration = Configuration()
        configuration.order = options
        configuration.batchSize = 16
        return try Pipeline(configuration: configuration, schema: schema)
    }

    private static func batch(_ events: ArraySlice<Event>, _ pipeline: Pipeline) -> RecordBatch {
        let batch = pipeline.makeRecordBatch(capacity: max(events.count, 1))
        batch.rows = events.count
        for (row, event) in events.enumerated() {
            batch.times[row] = event.time
            batch.numbers[row] = event.number
            batch.categories[row] = UInt64(event.number) + 7
            batch.targetNumbers[row] = .nan
            batch.targetTexts[row] = .empty
            batch.ids[row] = .empty
            batch.rawFields[row] = .empty
            batch.raw[row] = .empty
            batch.weights[row] = 1
            batch.positions[row] = RecordPosition(part: 0, offset: Int(event.number), line: 1)
        }
        return batch
    }

    private static func take(
        _ events: [Event], _ pipeline: Pipeline, sizes: RandomGenerator, isLast: Bool
    ) throws -> [Event] {
        let order = try #require(pipeline.order)
        let ordered = OrderedBatch(pipeline)
        var found: [Event] = []
        func emit(_ batch: RecordBatch) {
            for row in 0..<batch.rows {
                #expect(batch.categories[row] == UInt64(batch.numbers[row]) + 7)
                #expect(batch.positions[row].offset == Int(batch.numbers[row]))
                found.append(Event(time: batch.times[row], number: batch.numbers[row]))
            }
        }
        var start = 0
        while start < events.count {
            let end = min(events.count, start + 1 + Int(sizes.next() % 40))
            order.take(batch(events[start..<end], pipeline), isLast: false, into: ordered, emit: emit)
            start = end
        }
        if isLast { order.take(batch([], pipeline), isLast: true, into: ordered, emit: emit) }
        return found
    }

    private static func events(_ seed: UInt64, jitter: Double) -> [Event] {
        let generator = RandomGenerator(seed: seed)
        return (0..<700).map { index in
            Event(time: Double(index) - (generator.nextUniform() * jitter).rounded(), number: Double(index))
        }
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func theyComeInTheOrderOfTimes(_ seed: UInt64) throws {
        let events = Self.events(seed, jitter: 30)
        let found = try Self.take(
            events, try Self.pipeline(OrderOptions(lateness: 40)), sizes: RandomGenerator(seed: seed), isLast: true)
        let expected = events.sorted { ($0.time, $0.number) < ($1.time, $1.number) }
        #expect(found == expected, "seed \(seed)")
    }

    @Test(arguments: [4, 5] as [UInt64]) func aRestoredOneGoesOnAlike(_ seed: UInt64) throws {
        let events = Self.events(seed, jitter: 60)
        var options = OrderOptions(lateness: 25)
        options.late = .drop
        let original = try Self.pipeline(options)
        let sizes = RandomGenerator(seed: seed)
        _ = try Self.take(Array(events[..<350]), original, sizes: sizes, isLast: false)
        let twin = try Self.pipeline(options)
        Replica(of: original, twin: twin).update()
        twin.stateDidChange()
        #expect(twin.order?.isSound == true)
        #expect((original.order?.status.waiting ?? 0) > 5, "something waits")
        let rest = Array(events[350...])
        let expected = try Self.take(rest, original, sizes: RandomGenerator(seed: 9), isLast: true)
        #expect(try Self.take(rest, twin, sizes: RandomGenerator(seed: 8), isLast: true) == expected, "seed \(seed)")
        #expect(twin.order?.status == original.order?.status)
        #expect((original.order?.status.late ?? 0) > 10, "some are late")
    }

    @Test func anErrorFromTheFutureDoesNotHoldTheOthersUp() throws {
        var events = Self.events(6, jitter: 5)
        events[300] = Event(time: 1e9, number: 300)
        events[400] = Event(time: .nan, number: 400)
        let pipeline = try Self.pipeline(OrderOptions(lateness: 10))
        let found = try Self.take(events, pipeline, sizes: RandomGenerator(seed: 6), isLast: true)
        #expect(found.count == 700 && pipeline.order?.status.late == 0)
        #expect(pipeline.order?.status.withoutTime == 1)
        let place = try #require(found.firstIndex { $0.number == 300 })
        #expect(abs(place - 300) < 20)
    }
}

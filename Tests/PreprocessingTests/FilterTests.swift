import Components
import Records
import State
import Testing

@testable import Preprocessing

/// Filters of records: their rules, and the laws they share with other steps.
@Suite struct FilterTests {
    private func make(_ name: String, _ fields: [String: String], raw: [String] = ["t"]) throws -> any RecordFilter {
        let found = try #require(RecordFilterRegistry.all.first { $0.descriptor.name == name })
        let layout = StepBench(numbers: ["n"], raw: raw).layout
        return try found.make(Hyperparameters(found.descriptor, given: fields), layout)
    }

    /// The numbers of the records that stay, and how many were rejected.
    private func filter(
        _ filter: any RecordFilter, _ records: [(Double, String)], batchSize: Int = 1000
    ) -> (kept: [Double], rejected: Int) {
        let layout = StepBench(numbers: ["n"], raw: ["t"]).layout
        var kept: [Double] = []
        var rejected = 0
        var start = 0
        while start < records.count {
            let part = records[start..<min(start + batchSize, records.count)]
            let batch = StepBench.batch(part.map { StepBench.Record(numbers: [$0.0], raw: [$0.1]) }, layout)
            filter.filter(batch)
            kept += (0..<batch.rows).map { batch.numbers[$0] }
            rejected += batch.rejected.count
            start += part.count
        }
        return (kept, rejected)
    }

    @Test func everyFilterIsKnown() {
        #expect(RecordFilterRegistry.all.map(\.descriptor.name) == ["deduplicate", "late"])
    }

    @Test func repeatedValuesGoWithinTheWindow() throws {
        let step = try make("deduplicate", ["by": "n", "window": "3"])
        let numbers = [1, 2, 1, 3, 4, 5, 6, 1, .nan, .nan]
        let found = filter(step, numbers.map { ($0, "") })
        // The last 1 comes five records after the one before it.
        #expect(found.kept.prefix(7) == [1, 2, 3, 4, 5, 6, 1])
        #expect(found.kept.count == 9, "without a name there is nothing to go by")
        #expect(step.notes == [StepNote("duplicates", "1")])
    }

    @Test func repeatedBytesGoWithinATime() throws {
        let step = try make("deduplicate", ["window": "1m", "time": "t"])
        let times = ["2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z", "2026-11-21T10:02:00Z", "2026-11-21T10:02:00Z"]
        #expect(filter(step, times.map { (1, $0) }).kept.count == 2)
        let byNumber = try make("deduplicate", ["by": "n", "window": "1m", "time": "t"])
        #expect(filter(byNumber, times.map { (1, $0) }).kept.count == 2)
        #expect(throws: SettingError.self) { try make("deduplicate", ["window": "1m"]) }
    }

    @Test(arguments: [("reject", 3, 1), ("drop", 3, 0), ("keep", 4, 0)])
    func lateRecordsGo(_ policy: String, _ kept: Int, _ rejected: Int) throws {
        let step = try make("late", ["time": "n", "lateness": "10s", "policy": policy])
        let found = filter(step, [(100, ""), (130, ""), (121, ""), (119, "")])
        #expect(found.kept.count == kept)
        #expect(found.rejected == rejected)
        #expect(step.notes == [StepNote("late", "1")])
    }

    @Test func aLeapOfTheClockIsAnError() throws {
        let step = try make("late", ["time": "n", "lateness": "10s", "ahead": "1h"])
        #expect(filter(step, [(100, ""), (1e9, ""), (110, ""), (.nan, "")]).rejected == 0)
        // Ten in a row are the time that it is.
        #expect(filter(step, (0..<10).map { (1e9 + Double($0), "") } + [(111, "")]).rejected == 1)
    }

    @Test(arguments: [
        ("deduplicate", ["by": "n", "window": "50"]), ("deduplicate", ["window": "20s", "time": "n", "keys": "8"]),
        ("late", ["time": "n", "lateness": "30s"]),
    ])
    func batchSizeDoesNotMatter(_ name: String, _ fields: [String: String]) throws {
        let generator = RandomGenerator(seed: 3)
        let extremes = [1e308, -1e308, .nan, .leastNonzeroMagnitude, 1e38]
        let records = (0..<500).map { index in
            let value =
                generator.next() % 20 == 0
                ? extremes[Int(generator.next() % 5)] : Double(index) + Double(generator.next() % 60)
            return (value, String(generator.next() % 3))
        }
        let whole = try make(name, fields)
        let expected = filter(whole, records)
        for size in [1, 7, 64] {
            let parts = try make(name, fields)
            let found = filter(parts, records, batchSize: size)
            #expect(found.kept.map(\.bitPattern) == expected.kept.map(\.bitPattern))
            #expect(found.rejected == expected.rejected)
            #expect(parts.digest == whole.digest)
        }
        #expect(expected.kept.count < 500, "something was taken out")
    }
}

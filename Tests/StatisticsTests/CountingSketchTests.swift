import State
import Testing

@testable import Statistics

@Suite struct CountingSketchTests {
    @Test(arguments: [0, 1, 2, 50, 3_000, 20_000, 60_000], [UInt64(1), 2, 3])
    func distinctCountStaysWithinFourStandardErrors(_ size: Int, _ seed: UInt64) {
        let sketch = HyperLogLog(precision: 12)
        for value in 0..<size {
            sketch.learn(HashMixing.hash(Double(value) + Double(seed) * 1e9))
            sketch.learn(HashMixing.hash(Double(value / 2) + Double(seed) * 1e9))
        }
        let error = abs(sketch.estimate - Double(size))
        #expect(error <= max(4 * sketch.standardError * Double(size), 0.6), "\(size), seed \(seed): \(sketch.estimate)")
    }

    /// datasketches 5.2.0, hll_sketch(12, HLL_8), says 197,361 of 200,000 different numbers: 1.3 % off.
    @Test func distinctCountIsAsGoodAsDataSketches() {
        var worst = 0.0
        for seed in 1...10 as ClosedRange<UInt64> {
            let sketch = HyperLogLog(precision: 12)
            var mixer = SplitMix(state: seed)
            for _ in 0..<40_000 { sketch.learn(HashMixing.hash(mixer.uniform())) }
            worst += abs(sketch.estimate - 40_000) / 40_000
        }
        #expect(worst / 10 < 1.3 * HyperLogLog.standardError(precision: 12), "mean error \(worst / 10)")
    }

    @Test func mergedDistinctCountIsTheSingleOne() {
        let all = HyperLogLog()
        let parts = [HyperLogLog(), HyperLogLog()]
        for value in 0..<5_000 {
            all.learn(HashMixing.hash(Double(value)))
            parts[value % 2].learn(HashMixing.hash(Double(value)))
        }
        parts[0].merge(parts[1])
        #expect(StateSummary(all.state).digest == StateSummary(parts[0].state).digest)
    }

    /// Zipf-like values with their exact counts.
    private func skewed(_ count: Int, _ seed: UInt64, _ limit: Double = 1e6) -> [UInt64] {
        var mixer = SplitMix(state: seed)
        return (0..<count).map { _ in UInt64(min(1 / (1 - mixer.uniform()), limit)) }
    }

    private func check(_ items: FrequentItems, _ values: [UInt64], _ note: String) {
        let exact = Dictionary(values.map { ($0, 1) }, uniquingKeysWith: +)
        #expect(items.count == values.count)
        #expect(items.purged <= 2 * values.count / items.capacity, "\(note): \(items.purged)")
        var kept: Set<UInt64> = []
        for item in items.top(.max) {
            let truth = exact[item.key] ?? 0
            #expect(item.count <= truth && truth <= item.count + items.purged, "\(note): \(item.key)")
            kept.insert(item.key)
        }
        for (value, count) in exact where count > items.purged {
            #expect(kept.contains(value), "\(note): lost \(value)")
        }
    }

    @Test(arguments: [UInt64(1), 2]) func frequentItemsKeepTheirBounds(_ seed: UInt64) {
        let flat = { () -> [UInt64] in
            var mixer = SplitMix(state: seed)
            return (0..<60_000).map { _ in mixer.next() % 20_000 + 1 }
        }()
        for (name, values) in [("skewed", skewed(60_000, seed)), ("flat", flat), ("few", skewed(60_000, seed, 100))] {
            let items = FrequentItems(slots: 256, keepsText: false)
            for value in values { items.learn(value) }
            check(items, values, "\(name), seed \(seed)")
            let parts = (0..<3).map { _ in FrequentItems(slots: 256, keepsText: false) }
            for (index, value) in values.enumerated() { parts[index % 3].learn(value) }
            parts[0].merge(parts[1])
            parts[0].merge(parts[2])
            #expect(parts[0].purged <= 6 * values.count / parts[0].capacity)
            for item in parts[0].top(20) {
                let truth = values.count { $0 == item.key }
                #expect(item.count <= truth && truth <= item.count + parts[0].purged, "merged \(name)")
            }
        }
    }

    /// datasketches 5.2.0, frequent_strings_sketch(10) over the same 200,000 values: its most frequent six.
    @Test func findsTheFrequentItemsThatDataSketchesFinds() {
        let items = FrequentItems(slots: 1024, keepsText: false)
        let values = skewed(200_000, 1)
        for value in values { items.learn(value) }
        #expect(items.top(6).map(\.key) == [1, 2, 3, 4, 5, 6])
        for (item, truth) in zip(items.top(6), [99_497, 33_346, 16_635, 10_128, 6_797, 4_766]) {
            #expect(item.count <= truth && truth <= item.count + items.purged)
        }
    }

    @Test func textsStayWithTheirValues() {
        let items = FrequentItems(slots: 64, keepsText: true)
        var mixer = SplitMix(state: 9)
        for round in 0..<5_000 {
            let value = round % 3 == 0 ? UInt64(7) : mixer.next()
            let text = Array("value \(value) \(String(repeating: "x", count: Int(value % 90)))".utf8)
            let padded = text + [UInt8](repeating: 0, count: 64)
            padded.withUnsafeBufferPointer { if let base = $0.baseAddress { items.learn(value, base, text.count) } }
        }
        for item in items.top(.max) {
            let text = "value \(item.key) \(String(repeating: "x", count: Int(item.key % 90)))"
            #expect(item.text == Array(text.utf8.prefix(FrequentItems.textBytes)))
        }
        #expect(items.top(1).first?.key == 7)
    }

    @Test func repeatsAreExactThenSampled() {
        let small = DistinctSample(slots: 1 << 12)
        for value in 0..<1_500 { small.learn(HashMixing.hash(Double(value % 1_000))) }
        #expect(small.isExact && small.distinct == 1_000 && small.repeated == 500)
        let none = DistinctSample(slots: 1 << 12)
        for value in 0..<100_000 { none.learn(HashMixing.hash(Double(value))) }
        #expect(!none.isExact && none.repeated == 0, "what does not repeat is no estimate")
        #expect(abs(Double(none.distinct) - 100_000) < 100_000 * 4 * 1.1 / 1024.0.squareRoot())
        let halves = [DistinctSample(slots: 1 << 12), DistinctSample(slots: 1 << 12)]
        let all = DistinctSample(slots: 1 << 12)
        for value in 0..<60_000 {
            let hash = HashMixing.hash(Double(value % 40_000))
            all.learn(hash)
            halves[value % 2].learn(hash)
        }
        #expect(abs(Double(all.repeated) - 20_000) < 20_000 * 0.16)
        halves[0].merge(halves[1])
        #expect(halves[0].repeated == all.repeated && halves[0].distinct == all.distinct)
    }
}

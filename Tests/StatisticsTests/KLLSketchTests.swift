import State
import Testing

@testable import Statistics

@Suite struct KLLSketchTests {
    /// Distributions by the share of a uniform number.
    static let shapes: [(name: String, shape: @Sendable (Double) -> Double)] = [
        ("uniform", { $0 }), ("few values", { ($0 * 20).rounded(.down) }), ("heavy tail", { 1 / (1 - $0) }),
        ("both signs", { ($0 - 0.5) / ($0 * (1 - $0) + 1e-6) }),
    ]

    private func values(_ count: Int, _ seed: UInt64, _ shape: (Double) -> Double) -> [Double] {
        let generator = RandomGenerator(seed: seed)
        return (0..<count).map { _ in shape(generator.nextUniform()) }
    }

    /// Largest distance of a quantile's rank from what it should be. Equal values have a range of ranks.
    private func error(_ sketch: KLLSketch, _ values: [Double]) -> Double {
        let sorted = values.sorted()
        let view = sketch.sorted
        let n = Double(sorted.count)
        var worst = 0.0
        for step in 1..<100 {
            let share = Double(step) / 100
            guard let found = view.quantile(share) else { return 1 }
            let below = Double(sorted.partition(before: found)) / n
            let upTo = Double(sorted.partition(after: found)) / n
            worst = max(worst, below - share, share - upTo)
            let rank = view.rank(found) ?? 2
            worst = max(worst, abs(rank - upTo))
        }
        return worst
    }

    @Test(arguments: 0..<4, [UInt64(1), 2, 3])
    func staysWithinTheStatedError(_ shape: Int, _ seed: UInt64) {
        let (name, function) = Self.shapes[shape]
        let values = values(40_000, seed, function)
        let sketch = KLLSketch(k: 256, seed: seed)
        for value in values { sketch.learn(value) }
        #expect(sketch.count == values.count)
        #expect(sketch.sorted.count == values.count, "the weights sum to the count")
        #expect(error(sketch, values) <= sketch.rankError, "\(name), seed \(seed): \(error(sketch, values))")
        #expect(sketch.quantile(0) == values.min() && sketch.quantile(1) == values.max())
    }

    @Test(arguments: [UInt64(5), 6]) func mergedIsAsGoodAsSingle(_ seed: UInt64) {
        let all = values(50_000, seed) { 1 / (1 - $0) }
        var cuts = [0, 10, 3_000, 3_001, 30_000, 50_000]
        if seed == 6 { cuts = [0, 25_000, 50_000] }
        let merged = KLLSketch(k: 256)
        for (from, to) in zip(cuts, cuts.dropFirst()) {
            let part = KLLSketch(k: 256, seed: UInt64(to))
            for value in all[from..<to] { part.learn(value) }
            merged.merge(part)
        }
        #expect(merged.count == all.count && merged.sorted.count == all.count)
        #expect(error(merged, all) <= merged.rankError, "seed \(seed): \(error(merged, all))")
        #expect(merged.minimum == all.min() && merged.maximum == all.max())
    }

    @Test func sortedBlocksAreTheSameAsSingleValues() {
        let all = values(20_480, 7) { $0 }
        let one = KLLSketch(k: 256)
        let blocks = KLLSketch(k: 256)
        for start in stride(from: 0, to: all.count, by: blocks.blockCount) {
            let block = all[start..<start + blocks.blockCount].sorted()
            for value in all[start..<start + blocks.blockCount] { one.learn(value) }
            block.withUnsafeBufferPointer { if let base = $0.baseAddress { blocks.learnSorted(base) } }
        }
        #expect(StateSummary(one.state).digest == StateSummary(blocks.state).digest)
    }

    @Test func isExactForFewValuesAndIgnoresWhatIsNotFinite() {
        let sketch = KLLSketch(k: 256)
        #expect(sketch.quantile(0.5) == nil && sketch.rank(1) == nil && sketch.minimum == nil)
        for value in [3, .nan, 1, .infinity, 2, -.infinity, 5, 4.0] { sketch.learn(value) }
        #expect(sketch.count == 5)
        #expect([0, 0.2, 0.21, 0.5, 0.8, 1].map { sketch.quantile($0) } == [1, 1, 2, 3, 4, 5])
        #expect(sketch.rank(0.5) == 0 && sketch.rank(3) == 0.6 && sketch.rank(9) == 1)
    }

    /// datasketches 5.2.0: `kll_doubles_sketch.get_normalized_rank_error(k, False)`.
    @Test(arguments: [(200, 0.013294757464848584), (256, 0.01045779599157222), (1024, 0.0027167972933084344)])
    func statesTheErrorThatDataSketchesStates(_ k: Int, _ error: Double) {
        #expect(abs(KLLSketch.rankError(k: k) - error) < 1e-12)
    }

    /// datasketches 5.2.0, kll_doubles_sketch(1024) over the same 200,000 uniform numbers (SplitMix64 seeded 1), at
    /// 0.01, 0.25, 0.5, 0.75, 0.99: both within their error of the truth.
    @Test func agreesWithDataSketches() {
        let theirs = [
            0.009984251024778956, 0.2518545314787104, 0.5025462198752595, 0.7524285002507742, 0.9900167188056093,
        ]
        let sketch = KLLSketch(k: 1024)
        var mixer = SplitMix(state: 1)
        for _ in 0..<200_000 { sketch.learn(mixer.uniform()) }
        let view = sketch.sorted
        for (share, their) in zip([0.01, 0.25, 0.5, 0.75, 0.99], theirs) {
            #expect(abs((view.quantile(share) ?? 9) - their) < 2 * sketch.rankError, "\(share)")
        }
    }

    @Test func memoryGrowsWithTheLogarithm() {
        let sketch = KLLSketch(k: 64)
        for index in 0..<200_000 { sketch.learn(Double(index)) }
        #expect(sketch.stateByteCount < 64 * 16 * 20)
    }
}

/// SplitMix64 as `benchmarks` and the figures of datasketches use it.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        defer { state &+= 0x9e37_79b9_7f4a_7c15 }
        return HashMixing.mix(state)
    }

    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}

extension [Double] {
    /// Sorted: how many are below a value.
    fileprivate func partition(before value: Double) -> Int { partition { $0 < value } }
    fileprivate func partition(after value: Double) -> Int { partition { $0 <= value } }

    private func partition(_ isBelow: (Double) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if isBelow(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

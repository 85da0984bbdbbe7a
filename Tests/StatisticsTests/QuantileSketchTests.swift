import State
import Testing

@testable import Statistics

@Suite struct QuantileSketchTests {
    /// Share of `sorted` at or below `value`: what an estimate of the p-quantile should have equal to p.
    private func rank(_ value: Double, _ sorted: [Double]) -> Double {
        Double(sorted.count { $0 <= value }) / Double(sorted.count)
    }

    private func learn(_ values: [Double], _ quantile: Double, _ check: (QuantileSketch) -> Void) {
        let storage = StateArray<Double>(count: 1, lanes: QuantileSketch.lanes)
        let sketch = QuantileSketch(quantile: quantile, storage: storage.base)
        for value in values { sketch.learn(value) }
        check(sketch)
        #expect(!storage.elements.contains { !$0.isFinite })
    }

    /// The worked example of Jain and Chlamtac (1985), table I: the median of twenty values is estimated as 4.44.
    @Test func reproducesThePaper() {
        let values = [
            0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40, 0.05, 11.39,
            0.27,
            0.42, 0.09, 11.37,
        ]
        learn(values, 0.5) { #expect(abs(($0.estimate ?? 0) - 4.44) < 0.005) }
    }

    @Test(arguments: [0.01, 0.25, 0.5, 0.9, 0.999], [UInt64(1), 2, 3])
    func staysNearTheExactQuantile(_ quantile: Double, _ seed: UInt64) {
        let generator = RandomGenerator(seed: seed)
        let shapes: [(String, (Double) -> Double)] = [
            ("uniform", { $0 }), ("squared", { $0 * $0 }), ("heavy", { 1 / (1.0001 - $0) }),
        ]
        for (name, shape) in shapes {
            let values = (0..<20_000).map { _ in shape(generator.nextUniform()) }
            let sorted = values.sorted()
            learn(values, quantile) { sketch in
                let found = rank(sketch.estimate ?? .nan, sorted)
                #expect(abs(found - quantile) < 0.02, "\(name) p=\(quantile) seed=\(seed): rank \(found)")
            }
        }
    }

    @Test func isExactForFewValues() {
        learn([], 0.5) { #expect($0.estimate == nil) }
        learn([3], 0.5) { #expect($0.estimate == 3) }
        learn([3, 1, 2], 0.5) { #expect($0.estimate == 2) }
        learn([5, 3, 1, 4, 2], 0.5) { #expect($0.estimate == 3) }
        learn([5, 3, 1, 4, 2, 9, 0], 0) { #expect($0.estimate == 0) }
        learn([5, 3, 1, 4, 2, 9, 0], 1) { #expect($0.estimate == 9) }
    }

    @Test func survivesExtremes() {
        let generator = RandomGenerator(seed: 4)
        let wild: [Double] = [1e308, -1e308, .nan, .infinity, -.infinity, 0, .leastNonzeroMagnitude, 1.7e308]
        let values = (0..<2_000).map { _ in wild[Int(generator.next() % 8)] }
        for quantile in [0.0, 0.001, 0.5, 0.999, 1] {
            learn(values, quantile) { #expect(($0.estimate ?? .nan).isFinite) }
        }
        learn(Array(repeating: 7, count: 100), 0.3) { #expect($0.estimate == 7) }
    }
}

import Drift
import Testing

/// Streams anyone can regenerate: s = (1664525 s + 1013904223) mod 2^32, u = s / 2^32.
enum DetectorStream: String, CaseIterable {
    /// 1 if u < .2 (1000 values) or .5 (1000 more), seed 42.
    case bits
    /// u, from index 1000 on u + .5; seed 7.
    case values
    /// 1 if u < .1, .4, .15, 2000 values each; seed 1.
    case threeRates
    /// u, u + .3, u - .2, 2000 values each; seed 3.
    case threeMeans

    var values: [Double] {
        switch self {
        case .bits: Self.uniform(42, 2000).enumerated().map { $1 < ($0 < 1000 ? 0.2 : 0.5) ? 1 : 0 }
        case .values: Self.uniform(7, 2000).enumerated().map { $1 + ($0 < 1000 ? 0 : 0.5) }
        case .threeRates: Self.uniform(1, 6000).enumerated().map { $1 < [0.1, 0.4, 0.15][$0 / 2000] ? 1 : 0 }
        case .threeMeans: Self.uniform(3, 6000).enumerated().map { $1 + [0, 0.3, -0.2][$0 / 2000] }
        }
    }

    static func uniform(_ seed: UInt32, _ count: Int) -> [Double] {
        var s = seed
        return (0..<count).map { _ in
            s = s &* 1_664_525 &+ 1_013_904_223
            return Double(s) / 4_294_967_296
        }
    }
}

/// Indices of the values after which a detector said drift, and warning.
func signals(_ detector: any DriftDetector, _ values: [Double]) -> (drifts: [Int], warnings: [Int]) {
    var drifts: [Int] = []
    var warnings: [Int] = []
    for (index, value) in values.enumerated() {
        switch detector.update(value) {
        case .none: break
        case .warning: warnings.append(index)
        case .drift: drifts.append(index)
        }
    }
    return (drifts, warnings)
}

import Components
import State
import Statistics

/// Takes the leverage from outliers: numbers beyond two bounds are cut there, or count as missing. The bounds are two
/// running quantiles (P², see `QuantileSketch`), a number of robust deviations around the median, or given.
///
/// The robust z-score is 0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993), with running medians of the values and
/// of their distances from the median. A column is left alone until it has seen a hundred values (bounds that are given:
/// never). The uncut values are learned.
final class Clip: Transformer {
    enum Method: String, CaseIterable { case quantile, deviation, bounds }

    static let fields = [
        HyperparameterField(
            "by", .choice(Method.allCases.map(\.rawValue)), default: Method.quantile.rawValue,
            "what the bounds are: running quantiles, robust deviations from the median, or numbers"),
        HyperparameterField(
            "lower", .number(-1e300...1e300), default: "0.001", "the lower cut: a quantile, or with by=bounds a number"),
        HyperparameterField(
            "upper", .number(-1e300...1e300), default: "0.999", "the upper cut: a quantile, or with by=bounds a number"),
        HyperparameterField(
            "deviations", .number(0.1...1e6), default: "3.5", "with by=deviation, the largest robust z-score"),
    ]

    static let descriptor = TransformerDescriptor(
        Descriptor(
            "clip", "cut outliers at running quantiles, robust deviations or given bounds",
            fields: fields + [
                HyperparameterField("action", .choice(["cut", "missing"]), default: "cut", "what becomes of outliers")
            ])
    ) { parameters, columns throws(SettingError) in
        Clip(
            columns: columns, bounds: try Bounds(parameters), makesMissing: parameters["action"] == "missing")
    }

    /// Values a column needs before it is cut.
    private static let leastCount = 100.0

    /// What tells outliers.
    struct Bounds {
        let method: Method
        let lower: Double
        let upper: Double
        let deviations: Double

        init(_ parameters: Hyperparameters) throws(SettingError) {
            method = Method(rawValue: parameters["by"]) ?? .quantile
            lower = parameters.double("lower")
            upper = parameters.double("upper")
            deviations = parameters.double("deviations")
            let name = parameters.descriptor.name
            guard lower < upper else { throw SettingError("\(name): lower=\(lower) must lie below upper=\(upper)") }
            guard method != .quantile || lower >= 0 && upper <= 1 else {
                throw SettingError("\(name): lower and upper are quantiles, from 0 to 1, unless by=bounds")
            }
        }
    }

    private let bounds: Bounds
    private let makesMissing: Bool
    /// Per column: two sketches: of the lower and upper quantile, or of the median and the distance from it.
    private let sketches: StateArray<Double>

    init(columns: Int, bounds: Bounds, makesMissing: Bool) {
        self.bounds = bounds
        self.makesMissing = makesMissing
        sketches = StateArray(count: columns, lanes: 2 * QuantileSketch.lanes)
    }

    var state: [StateEntry] { [StateEntry("sketches", sketches)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let storage = sketches.base + sketches.lanes * column
            switch bounds.method {
            case .quantile:
                let low = QuantileSketch(quantile: bounds.lower, storage: storage)
                let high = QuantileSketch(quantile: bounds.upper, storage: storage + QuantileSketch.lanes)
                process(columns, column, bounds: { Self.between(low, high) }) { value in
                    low.learn(value)
                    high.learn(value)
                }
            case .deviation:
                let center = QuantileSketch(quantile: 0.5, storage: storage)
                let distance = QuantileSketch(quantile: 0.5, storage: storage + QuantileSketch.lanes)
                process(columns, column, bounds: { self.around(center, distance) }) { value in
                    if value.isFinite, let median = center.estimate { distance.learn(abs(value - median)) }
                    center.learn(value)
                }
            case .bounds:
                let given = (bounds.lower, bounds.upper)
                process(columns, column, bounds: { given }, learn: { _ in })
            }
        }
    }

    private static func between(_ low: QuantileSketch, _ high: QuantileSketch) -> (Double, Double)? {
        guard low.count >= leastCount, let least = low.estimate, let largest = high.estimate, least <= largest
        else { return nil }
        return (least, largest)
    }

    private func around(_ center: QuantileSketch, _ distance: QuantileSketch) -> (Double, Double)? {
        guard distance.count >= Self.leastCount, let median = center.estimate, let spread = distance.estimate,
            spread > 0
        else { return nil }
        let reach = bounds.deviations * spread / 0.6745
        return (bounded(median - reach), bounded(median + reach))
    }

    @inline(__always)
    private func process(
        _ columns: NumberColumns, _ column: Int, bounds: () -> (Double, Double)?, learn: (Double) -> Void
    ) {
        let makesMissing = makesMissing
        columns.process(
            column,
            transform: { value in
                guard let (least, largest) = bounds() else { return value }
                // A comparison with a missing value is false, so it stays missing.
                if value < least { return makesMissing ? .nan : least }
                return value > largest ? (makesMissing ? .nan : largest) : value
            },
            learn: learn)
    }
}

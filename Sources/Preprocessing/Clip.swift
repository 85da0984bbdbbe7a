import Components
import State

/// Takes the leverage from outliers: numbers beyond two bounds are cut there, or count as missing. The bounds are two
/// running quantiles (`ColumnQuantiles`), a number of robust deviations around the median, or given.
///
/// The robust z-score is 0.6745 (x - median) / MAD (Iglewicz and Hoaglin 1993), with the running median of the values and
/// that of their distances from it. A column is left alone until it has seen a hundred values (bounds that are given:
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
    private static let leastCount = 100

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
    /// By column: the lower and upper quantile, or the median and the median distance from it.
    private let quantiles: [ColumnQuantiles]

    init(columns: Int, bounds: Bounds, makesMissing: Bool) {
        self.bounds = bounds
        self.makesMissing = makesMissing
        switch bounds.method {
        case .quantile:
            quantiles = (0..<columns).map { _ in ColumnQuantiles(.quantiles([bounds.lower, bounds.upper])) }
        case .deviation: quantiles = (0..<columns).map { _ in ColumnQuantiles(.deviation) }
        case .bounds: quantiles = []
        }
    }

    var state: [StateEntry] { quantiles.enumerated().flatMap { $1.state.prefixed("\($0)") } }

    func stateDidChange() { for column in quantiles { column.stateDidChange() } }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            switch bounds.method {
            case .quantile:
                let known = quantiles[column]
                process(columns, column, bounds: { (known[0], known[1]) }, learn: known)
            case .deviation:
                let known = quantiles[column]
                let reach = bounds.deviations / 0.6745
                process(
                    columns, column,
                    bounds: {
                        guard known[1] > 0 else { return nil }
                        return (bounded(known[0] - reach * known[1]), bounded(known[0] + reach * known[1]))
                    }, learn: known)
            case .bounds:
                let given = (bounds.lower, bounds.upper)
                process(columns, column, bounds: { given }, learn: nil)
            }
        }
    }

    @inline(__always)
    private func process(
        _ columns: NumberColumns, _ column: Int, bounds: () -> (Double, Double)?, learn known: ColumnQuantiles?
    ) {
        let makesMissing = makesMissing
        columns.process(
            column,
            transform: { value in
                if let known, known.count < Self.leastCount { return value }
                guard let (least, largest) = bounds() else { return value }
                // A comparison with a missing value is false, so it stays missing.
                if value < least { return makesMissing ? .nan : least }
                return value > largest ? (makesMissing ? .nan : largest) : value
            },
            learn: { known?.learn($0) })
    }
}

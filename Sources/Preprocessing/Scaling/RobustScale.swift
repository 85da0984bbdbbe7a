import Components
import State
import Statistics

/// Shifts by the running median and scales by the distance of two running quantiles: (x - median) / (upper - lower), so
/// that outliers do not move the scale; 0 without spread (scikit-learn's and River's RobustScaler, with P² estimates).
final class RobustScale: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "robust", "shift by the median and scale by the distance of two quantiles",
            fields: [
                HyperparameterField("lower", .number(0...1), default: "0.25", "the lower quantile"),
                HyperparameterField("upper", .number(0...1), default: "0.75", "the upper quantile"),
            ])
    ) { parameters, columns throws(SettingError) in
        let (lower, upper) = (parameters.double("lower"), parameters.double("upper"))
        guard lower < upper else { throw SettingError("robust: lower=\(lower) must lie below upper=\(upper)") }
        return RobustScale(columns: columns, lower: lower, upper: upper)
    }

    private let lower: Double
    private let upper: Double
    /// Per column: sketches of the median, the lower and the upper quantile.
    private let sketches: StateArray<Double>

    init(columns: Int, lower: Double, upper: Double) {
        self.lower = lower
        self.upper = upper
        sketches = StateArray(count: columns, lanes: 3 * QuantileSketch.lanes)
    }

    var state: [StateEntry] { [StateEntry("sketches", sketches)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let storage = sketches.base + sketches.lanes * column
            let center = QuantileSketch(quantile: 0.5, storage: storage)
            let low = QuantileSketch(quantile: lower, storage: storage + QuantileSketch.lanes)
            let high = QuantileSketch(quantile: upper, storage: storage + 2 * QuantileSketch.lanes)
            columns.process(
                column,
                transform: { value in
                    guard let median = center.estimate, let least = low.estimate, let largest = high.estimate,
                        largest > least
                    else { return value.isNaN ? value : 0 }
                    // In halves, because the difference of two large numbers overflows.
                    return bounded((value / 2 - median / 2) / (largest / 2 - least / 2))
                },
                learn: { value in
                    center.learn(value)
                    low.learn(value)
                    high.learn(value)
                })
        }
    }
}

import Components
import State

/// Shifts by the running median and scales by the distance of two running quantiles: (x - median) / (upper - lower), so
/// that outliers do not move the scale; 0 without spread (scikit-learn's RobustScaler, exactly so for the first 256
/// values, then by a KLL sketch).
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

    /// By column: lower quantile, median, upper quantile.
    private let quantiles: [ColumnQuantiles]

    init(columns: Int, lower: Double, upper: Double) {
        quantiles = (0..<columns).map { _ in ColumnQuantiles(.quantiles([lower, 0.5, upper])) }
    }

    var state: [StateEntry] { quantiles.enumerated().flatMap { $1.state.prefixed("\($0)") } }

    func stateDidChange() { for column in quantiles { column.stateDidChange() } }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let known = quantiles[column]
            columns.process(
                column,
                transform: { value in
                    let (least, median, largest) = (known[0], known[1], known[2])
                    guard largest > least else { return value.isNaN ? value : 0 }
                    // In halves, because the difference of two large numbers overflows.
                    return bounded((value / 2 - median / 2) / (largest / 2 - least / 2))
                },
                learn: { known.learn($0) })
        }
    }
}

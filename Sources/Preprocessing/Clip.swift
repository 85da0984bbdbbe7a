import Components
import State
import Statistics

/// Cuts numbers at two running quantiles (P², see `QuantileSketch`), so that outliers lose their leverage. A column is
/// left alone until it has seen a hundred values. The uncut values are learned.
final class Clip: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "clip", "cut numbers at two running quantiles",
            fields: [
                HyperparameterField("lower", .number(0...1), default: "0.001", "the lower cut, as a quantile"),
                HyperparameterField("upper", .number(0...1), default: "0.999", "the upper cut, as a quantile"),
            ])
    ) { parameters, columns throws(SettingError) in
        let lower = parameters.double("lower")
        let upper = parameters.double("upper")
        guard lower < upper else { throw SettingError("clip: lower=\(lower) must lie below upper=\(upper)") }
        return Clip(columns: columns, lower: lower, upper: upper)
    }

    /// Values a column needs before it is cut.
    private static let leastCount = 100.0

    private let lower: Double
    private let upper: Double
    /// Per column: the sketch of the lower quantile, then that of the upper.
    private let sketches: StateArray<Double>

    init(columns: Int, lower: Double, upper: Double) {
        self.lower = lower
        self.upper = upper
        sketches = StateArray(count: columns, lanes: 2 * QuantileSketch.lanes)
    }

    var state: [StateEntry] { [StateEntry("sketches", sketches)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let storage = sketches.base + sketches.lanes * column
            let low = QuantileSketch(quantile: lower, storage: storage)
            let high = QuantileSketch(quantile: upper, storage: storage + QuantileSketch.lanes)
            columns.process(
                column,
                transform: { value in
                    guard low.count >= Self.leastCount, let least = low.estimate, let largest = high.estimate,
                        least <= largest
                    else { return value }
                    // A comparison with a missing value is false, so it stays missing.
                    return value < least ? least : value > largest ? largest : value
                },
                learn: { value in
                    low.learn(value)
                    high.learn(value)
                })
        }
    }
}

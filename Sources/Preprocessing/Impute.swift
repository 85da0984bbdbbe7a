import Components
import State
import Statistics

/// Fills missing numbers: with the mean or median (P², see `QuantileSketch`) of the values seen so far, the previous
/// value, or a constant. While a column has no value yet, the constant `value` stands in (River's 0 for the mean).
final class Impute: Transformer {
    enum Strategy: String, CaseIterable { case mean, median, constant, previous }

    static let descriptor = TransformerDescriptor(
        Descriptor(
            "impute", "fill missing numbers",
            fields: [
                HyperparameterField(
                    "strategy", .choice(Strategy.allCases.map(\.rawValue)), default: Strategy.mean.rawValue,
                    "what stands in for a missing number"),
                HyperparameterField(
                    "value", .number(-1e300...1e300), default: "0", "the constant; the others' value before any other"),
            ])
    ) { parameters, columns in
        Impute(
            columns: columns, strategy: Strategy(rawValue: parameters["strategy"]) ?? .mean,
            value: parameters.double("value"))
    }

    private let strategy: Strategy
    private let value: Double
    /// Per column: count and what fills in; for the median a quantile sketch.
    private let fillings: StateArray<Double>

    init(columns: Int, strategy: Strategy, value: Double) {
        self.strategy = strategy
        self.value = value
        fillings = StateArray(count: columns, lanes: strategy == .median ? QuantileSketch.lanes : 2)
    }

    var state: [StateEntry] { [StateEntry("fillings", fillings)] }

    func process(_ columns: NumberColumns) {
        let constant = value
        for column in 0..<columns.count {
            let filling = fillings.base + fillings.lanes * column
            switch strategy {
            case .mean: fill(columns, column, filling) { count, mean, value in mean + (value - mean) / count }
            case .previous: fill(columns, column, filling) { _, _, value in value }
            case .constant: fill(columns, column, filling) { _, _, _ in constant }
            case .median: fillMedian(columns, column, QuantileSketch(quantile: 0.5, storage: filling))
            }
        }
    }

    @inline(__always)
    private func fill(
        _ columns: NumberColumns, _ column: Int, _ filling: UnsafeMutablePointer<Double>,
        next: (_ count: Double, _ current: Double, _ value: Double) -> Double
    ) {
        let constant = value
        var count = filling[0]
        var current = count > 0 ? filling[1] : constant
        columns.process(
            column,
            transform: { $0.isNaN ? current : $0 },
            learn: { value in
                guard value.isFinite else { return }
                let updated = next(count + 1, count > 0 ? current : 0, value)
                // A mean that would overflow keeps what it was.
                guard updated.isFinite else { return }
                current = updated
                count += 1
            })
        filling[0] = count
        filling[1] = count > 0 ? current : 0
    }

    private func fillMedian(_ columns: NumberColumns, _ column: Int, _ sketch: QuantileSketch) {
        let constant = value
        columns.process(
            column,
            transform: { $0.isNaN ? sketch.estimate ?? constant : $0 },
            learn: { sketch.learn($0) })
    }
}

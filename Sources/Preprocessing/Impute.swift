import Components
import State

/// Fills missing numbers: with the mean, median (`ColumnQuantiles`) or mode (`FrequentNumber`, exact for up to 32
/// different values) of the values seen so far, the previous value, or a constant. While a column has no value yet, the
/// constant `value` stands in (River's 0 for the mean).
final class Impute: Transformer {
    enum Strategy: String, CaseIterable { case mean, median, mode, constant, previous }

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
    /// For the median, by column.
    private let medians: [ColumnQuantiles]
    /// Per column: count and what fills in; for the mode its candidates.
    private let fillings: StateArray<Double>

    init(columns: Int, strategy: Strategy, value: Double) {
        self.strategy = strategy
        self.value = value
        medians = strategy == .median ? (0..<columns).map { _ in ColumnQuantiles(.quantiles([0.5])) } : []
        fillings = StateArray(count: columns, lanes: strategy == .mode ? Self.mode.lanes : 2)
    }

    private static let mode = FrequentNumber(candidates: 32)

    var state: [StateEntry] {
        strategy == .median
            ? medians.enumerated().flatMap { $1.state.prefixed("\($0)") } : [StateEntry("fillings", fillings)]
    }

    func stateDidChange() { for column in medians { column.stateDidChange() } }

    func process(_ columns: NumberColumns) {
        let constant = value
        for column in 0..<columns.count {
            let filling = fillings.base + fillings.lanes * column
            switch strategy {
            case .mean: fill(columns, column, filling) { count, mean, value in mean + (value - mean) / count }
            case .previous: fill(columns, column, filling) { _, _, value in value }
            case .constant: fill(columns, column, filling) { _, _, _ in constant }
            case .mode: fillMode(columns, column, filling)
            case .median: fillMedian(columns, column, medians[column])
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

    private func fillMedian(_ columns: NumberColumns, _ column: Int, _ median: ColumnQuantiles) {
        let constant = value
        columns.process(
            column,
            transform: { $0.isNaN ? (median.count > 0 ? median[0] : constant) : $0 },
            learn: { median.learn($0) })
    }

    private func fillMode(_ columns: NumberColumns, _ column: Int, _ counts: UnsafeMutablePointer<Double>) {
        let constant = value
        let mode = Self.mode
        columns.process(
            column,
            transform: { $0.isNaN ? mode.value(counts) ?? constant : $0 },
            learn: { mode.learn($0, counts) })
    }
}

import Components
import State
import Statistics

/// Replaces a number by the index of its quantile bin, from 0: as many running quantiles (P²) as there are bins less one
/// are at most the number. scikit-learn's KBinsDiscretizer with ordinal codes, on estimates.
final class QuantileBins: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "quantile-bins", "numbers as the index of their quantile bin",
            fields: [HyperparameterField("bins", .integer(2...256), default: "10", "bins of equal weight")])
    ) { parameters, columns in QuantileBins(columns: columns, bins: parameters.integer("bins")) }

    private let bins: Int
    /// Per column: a sketch for each edge between two bins.
    private let sketches: StateArray<Double>

    init(columns: Int, bins: Int) {
        self.bins = bins
        sketches = StateArray(count: columns, lanes: (bins - 1) * QuantileSketch.lanes)
    }

    var state: [StateEntry] { [StateEntry("sketches", sketches)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let storage = sketches.base + sketches.lanes * column
            let edges = (1..<bins).map { bin in
                QuantileSketch(
                    quantile: Double(bin) / Double(bins), storage: storage + (bin - 1) * QuantileSketch.lanes)
            }
            columns.process(
                column,
                transform: { value in
                    guard !value.isNaN else { return value }
                    return Double(edges.count { ($0.estimate ?? .infinity) <= value })
                },
                learn: { value in for edge in edges { edge.learn(value) } })
        }
    }
}

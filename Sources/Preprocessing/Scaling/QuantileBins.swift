import Components
import State

/// Replaces a number by the index of its quantile bin, from 0: as many of the inner edges, which are running quantiles,
/// are at most the number. scikit-learn's KBinsDiscretizer with ordinal codes, exactly so for the first 256 values, then
/// by a KLL sketch.
final class QuantileBins: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "quantile-bins", "numbers as the index of their quantile bin",
            fields: [HyperparameterField("bins", .integer(2...256), default: "10", "bins of equal weight")])
    ) { parameters, columns in QuantileBins(columns: columns, bins: parameters.integer("bins")) }

    /// By column: the edges between two bins.
    private let edges: [ColumnQuantiles]
    private let bins: Int

    init(columns: Int, bins: Int) {
        self.bins = bins
        let shares = (1..<bins).map { Double($0) / Double(bins) }
        edges = (0..<columns).map { _ in ColumnQuantiles(.quantiles(shares)) }
    }

    var state: [StateEntry] { edges.enumerated().flatMap { $1.state.prefixed("\($0)") } }

    func stateDidChange() { for column in edges { column.stateDidChange() } }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            let known = edges[column]
            columns.process(
                column,
                transform: { value in
                    guard !value.isNaN else { return value }
                    guard known.count > 0 else { return 0 }
                    var bin = 0
                    while bin < bins - 1, known[bin] <= value { bin += 1 }
                    return Double(bin)
                },
                learn: { known.learn($0) })
        }
    }
}

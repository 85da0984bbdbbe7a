import Components
import State

/// Scales each record's numbers to length 1: by the sum of absolute values (l1), their Euclidean norm (l2) or the
/// largest (max). Missing ones do not count; all zero stays zero. scikit-learn's and River's Normalizer.
final class Normalize: Transformer {
    enum Norm: String, CaseIterable { case l1, l2, max }

    static let descriptor = TransformerDescriptor(
        Descriptor(
            "normalize", "scale each record's numbers to length 1",
            fields: [
                HyperparameterField(
                    "norm", .choice(Norm.allCases.map(\.rawValue)), default: Norm.l2.rawValue, "what length is")
            ])
    ) { parameters, _ in Normalize(norm: Norm(rawValue: parameters["norm"]) ?? .l2) }

    private let norm: Norm

    init(norm: Norm) { self.norm = norm }

    var state: [StateEntry] { [] }

    func process(_ columns: NumberColumns) {
        normalize(columns, columns.values)
        if let learning = columns.learningValues { normalize(columns, learning) }
    }

    private func normalize(_ columns: NumberColumns, _ values: UnsafeMutablePointer<Double>) {
        for row in 0..<columns.rows {
            var largest = 0.0
            for column in 0..<columns.count {
                let value = abs(bounded(values[column * columns.stride + row]))
                if value > largest { largest = value }
            }
            guard largest > 0 else { continue }
            // Relative to the largest, so that neither squares nor sums overflow.
            var length = norm == .max ? 1.0 : 0
            if norm != .max {
                for column in 0..<columns.count {
                    let share = bounded(values[column * columns.stride + row]) / largest
                    if !share.isNaN { length += norm == .l1 ? abs(share) : share * share }
                }
                if norm == .l2 { length = length.squareRoot() }
            }
            for column in 0..<columns.count {
                let cell = values + column * columns.stride + row
                cell.pointee = bounded(cell.pointee) / largest / length
            }
        }
    }
}

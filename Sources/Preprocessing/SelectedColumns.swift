import Components
import State

/// A column step that works on some of the columns: they are brought side by side, transformed, and taken back.
final class SelectedColumns: Transformer {
    static let field = HyperparameterField(
        "fields", .names, default: "*", "the fields it works on; also beginnings, as in a*")

    private let inner: any Transformer
    private let columns: [Int]
    private var values: [Double] = []
    private var learningValues: [Double] = []

    init(_ inner: any Transformer, columns: [Int]) {
        self.inner = inner
        self.columns = columns
    }

    var state: [StateEntry] { inner.state }

    func stateDidChange() { inner.stateDidChange() }

    func process(_ all: NumberColumns) {
        let rows = all.rows
        let needed = max(columns.count * rows, 1)
        if values.count < needed { values = Array(repeating: 0, count: needed) }
        if all.learningValues != nil, learningValues.count < needed {
            learningValues = Array(repeating: 0, count: needed)
        }
        values.withUnsafeMutableBufferPointer { values in
            learningValues.withUnsafeMutableBufferPointer { learning in
                guard let base = values.baseAddress else { return }
                let learningBase = all.learningValues == nil ? nil : learning.baseAddress
                for (place, column) in columns.enumerated() {
                    (base + place * rows).update(from: all.values + column * all.stride, count: rows)
                    if let learningBase, let source = all.learningValues {
                        (learningBase + place * rows).update(from: source + column * all.stride, count: rows)
                    }
                }
                inner.process(
                    NumberColumns(
                        rows: rows, stride: rows, count: columns.count, values: base, learningValues: learningBase,
                        learns: all.learns))
                for (place, column) in columns.enumerated() {
                    (all.values + column * all.stride).update(from: base + place * rows, count: rows)
                    if let learningBase, let target = all.learningValues {
                        (target + column * all.stride).update(from: learningBase + place * rows, count: rows)
                    }
                }
            }
        }
    }
}

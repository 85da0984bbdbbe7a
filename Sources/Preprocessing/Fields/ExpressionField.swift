import Components
import State

/// A new number field out of others, by an arithmetic expression (see `Expression`). Learns nothing.
final class ExpressionField: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "expression", "a new number field, by arithmetic over others",
            fields: [
                HyperparameterField("name", .names, default: "expression", "the new field"),
                HyperparameterField(
                    "is", .names, default: "0",
                    "+ - * / ^ ( ), numbers, field names (in '' where they have other characters than letters, digits, "
                        + "_ and .), abs exp floor log log1p sign sqrt, max(a;b) min(a;b)"),
            ])
    ) { parameters, layout throws(SettingError) in
        let expression = try Expression(parameters["is"], names: layout.numberNames)
        return ExpressionField(expression, column: try layout.addNumber(parameters["name"]))
    }

    private let expression: Expression
    private let column: Int

    init(_ expression: Expression, column: Int) {
        self.expression = expression
        self.column = column
    }

    var state: [StateEntry] { [] }

    func process(_ records: RecordView) {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: expression.depth + 1) { stack in
            guard let base = stack.baseAddress else { return }
            for row in 0..<records.batch.rows {
                records.setNumber(column, row, expression.evaluate(base) { records.number($0, row) })
            }
        }
    }
}

import Components
import State

/// Leaves number fields out from here on: what later steps should not see, once other steps have used it.
final class Drop: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor("drop", "leave number fields out from here on")
    ) { _, _ in Drop() }

    var state: [StateEntry] { [] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            columns.process(column, transform: { _ in .nan }, learn: { _ in })
        }
    }
}

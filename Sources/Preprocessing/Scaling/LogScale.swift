import Components
import Glibc
import State

/// Compresses large numbers: sign(x) ln(1 + |x|). Learns nothing.
final class LogScale: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor("log", "compress numbers: sign(x) ln(1 + |x|)")
    ) { _, _ in LogScale() }

    var state: [StateEntry] { [] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            columns.process(
                column, transform: { $0 < 0 ? -log1p(bounded(-$0)) : log1p(bounded($0)) }, learn: { _ in })
        }
    }
}

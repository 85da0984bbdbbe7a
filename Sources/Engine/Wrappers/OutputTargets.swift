import Records
import State

/// The targets beyond the first, out of the bytes of their fields: numbers, or indices of two classes.
final class OutputTargets: Stateful {
    let names: [String]
    private let isRegression: Bool
    /// Where each one's bytes stand.
    private let columns: [Int]
    /// Of classes: one an output.
    private let encoders: [TargetEncoder]

    /// Nil: there is one target.
    init?(_ schema: Schema) {
        guard !schema.furtherOutputs.isEmpty else { return nil }
        names = schema.furtherOutputs.map(\.name)
        isRegression = schema.task == .regression
        let kept = schema.keptFields.map(\.name)
        columns = names.map { kept.firstIndex(of: $0) ?? 0 }
        encoders =
            isRegression
            ? [] : schema.furtherOutputs.map { TargetEncoder(task: .binary, classes: $0.classes) }
    }

    var state: [StateEntry] { encoders.enumerated().flatMap { $1.state.prefixed("further-\($0)") } }

    func stateDidChange() { for encoder in encoders { encoder.stateDidChange() } }

    var revision: Int { encoders.reduce(0) { $0 + $1.revision } }

    /// By output; none for numbers.
    var classNames: [[String]] { encoders.map(\.classNames) }

    func markAsGuess(_ className: String, output: Int) { encoders[output].markAsGuess(className) }

    private func text(_ output: Int, _ row: Int, _ batch: RecordBatch) -> ByteRange {
        batch.rawFields[columns[output] * batch.columnStride + row]
    }

    /// The number in a text; nil: there is none, or it is not finite.
    private static func number(_ text: ByteRange) -> Double? {
        Double(text.text).flatMap { $0.isFinite ? $0 : nil }
    }

    /// Why a row's targets could not be learned; nil: they can. Changes nothing.
    func refusal(_ row: Int, _ batch: RecordBatch) -> String? {
        for output in names.indices {
            let text = text(output, row, batch)
            guard text.count > 0 else { continue }
            if isRegression {
                if Self.number(text) == nil {
                    return "target '\(names[output])' is not a number: '\(text.text)'"
                }
            } else if encoders[output].place(of: text.buffer) == .none {
                return "'\(names[output])': " + encoders[output].refusal(of: text.buffer)
            }
        }
        return nil
    }

    /// A row's targets for people.
    func texts(_ row: Int, _ features: FeatureBatch) -> [String] {
        names.indices.map { output in
            let target = features.furtherTargets[row * names.count + output]
            guard !target.isNaN else { return "unknown" }
            return isRegression ? fixed(target, 4) : encoders[output].classNames[Int(target)]
        }
    }

    /// Whether one of a row's targets is there.
    func hasOne(_ row: Int, _ batch: RecordBatch) -> Bool {
        names.indices.contains { text($0, row, batch).count > 0 }
    }

    /// Fills in a row's targets; those that are missing or not known are NaN.
    ///
    /// - Parameter learning: false = classes nobody knows stay unknown.
    func encode(_ row: Int, _ batch: RecordBatch, into features: FeatureBatch, learning: Bool) {
        features.reserveFurtherTargets(names.count)
        let targets = features.furtherTargets + row * names.count
        for output in names.indices {
            let text = text(output, row, batch)
            if isRegression {
                targets[output] = text.count > 0 ? Self.number(text) ?? .nan : .nan
            } else {
                let index = encoders[output].learnedIndex(of: text.buffer, learning: learning)
                targets[output] = index < 0 ? .nan : Double(index)
            }
        }
    }
}

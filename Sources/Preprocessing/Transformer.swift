import Components
import Records
import State

/// The numbers of a batch as a transformer sees them: column c of `values` stands at `values + c * stride`.
public struct NumberColumns {
    public let rows: Int
    public let stride: Int
    public let count: Int
    /// What predictions are made from; NaN = missing. Transformed in place.
    public let values: UnsafeMutablePointer<Double>
    /// What the learner learns from where that differs (transformers that learn before they transform, as in River's
    /// pipelines); nil = `values`.
    public let learningValues: UnsafeMutablePointer<Double>?
    /// Which rows are learned (those with a known target); nil = none.
    public let learns: UnsafePointer<Bool>?

    public init(
        rows: Int, stride: Int, count: Int, values: UnsafeMutablePointer<Double>,
        learningValues: UnsafeMutablePointer<Double>?, learns: UnsafePointer<Bool>?
    ) {
        self.rows = rows
        self.stride = stride
        self.count = count
        self.values = values
        self.learningValues = learningValues
        self.learns = learns
    }

    /// Runs one column through `transform` and `learn`, row by row in order: transform with what is known, then learn;
    /// with `learningValues`, learn from them first and then transform them.
    @inline(__always)
    func process(_ column: Int, transform: (Double) -> Double, learn: (Double) -> Void) {
        let values = values + column * stride
        guard let learns else {
            for row in 0..<rows { values[row] = transform(values[row]) }
            return
        }
        if let learningValues {
            let learning = learningValues + column * stride
            for row in 0..<rows {
                values[row] = transform(values[row])
                if learns[row] {
                    learn(learning[row])
                    learning[row] = transform(learning[row])
                }
            }
            return
        }
        for row in 0..<rows {
            let value = values[row]
            values[row] = transform(value)
            if learns[row] { learn(value) }
        }
    }
}

/// A preprocessing step on number columns. Its statistics are its `state`; columns are independent of each other, so
/// that working by column gives the same as working record by record.
///
/// Laws (checked for every registered transformer): transforming without learning changes nothing; missing stays
/// missing unless the step fills it in; results are finite; equal input gives equal bytes whatever the batch size.
public protocol Transformer: Stateful {
    func process(_ columns: NumberColumns)
}

/// A registered transformer: what it is, and how to make it for a number of columns.
public struct TransformerDescriptor: Sendable {
    public let descriptor: Descriptor
    public let make: @Sendable (Hyperparameters, _ columns: Int) throws(SettingError) -> any Transformer

    public init(
        _ descriptor: Descriptor,
        make: @escaping @Sendable (Hyperparameters, _ columns: Int) throws(SettingError) -> any Transformer
    ) {
        self.descriptor = Descriptor(
            descriptor.name, descriptor.summary, fields: descriptor.fields + [SelectedColumns.field])
        self.make = make
    }

    /// Makes it for some of the columns.
    public func make(_ parameters: Hyperparameters, on columns: [Int]) throws(SettingError) -> any Transformer {
        SelectedColumns(try make(parameters, columns.count), columns: columns)
    }
}

import Components
import Records
import State

/// A batch's records as a step sees them.
public struct RecordView {
    public let batch: RecordBatch
    /// The target as a number: a regression's value, 1 and 0 for the positive and negative class, else the class's
    /// index; NaN = unknown. Known to `learn` only: a row is transformed without it.
    public let targets: UnsafePointer<Double>
    /// Which rows are learned (those with a known target); nil = none.
    public let learns: UnsafePointer<Bool>?

    public init(_ batch: RecordBatch, targets: UnsafePointer<Double>, learns: UnsafePointer<Bool>?) {
        self.batch = batch
        self.targets = targets
        self.learns = learns
    }

    @inline(__always) func isLearned(_ row: Int) -> Bool { learns?[row] ?? false }

    @inline(__always)
    func number(_ column: Int, _ row: Int) -> Double { batch.numbers[column * batch.columnStride + row] }

    @inline(__always)
    func setNumber(_ column: Int, _ row: Int, _ value: Double) {
        batch.numbers[column * batch.columnStride + row] = bounded(value)
    }

    @inline(__always)
    func category(_ column: Int, _ row: Int) -> UInt64 { batch.categories[column * batch.columnStride + row] }

    @inline(__always)
    func setCategory(_ column: Int, _ row: Int, _ hash: UInt64) {
        batch.categories[column * batch.columnStride + row] = hash
    }

    @inline(__always)
    func raw(_ column: Int, _ row: Int) -> ByteRange { batch.rawFields[column * batch.columnStride + row] }
}

/// What a step has to say about itself in reports.
public struct StepNote: Sendable, Equatable {
    public let name: String
    public let text: String

    public init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
    }

    init(_ name: String, count: UInt64) { self.init(name, String(count)) }
}

/// A preprocessing step that sees whole records, and makes columns or words out of their fields, row after row: each row
/// is transformed with what the rows before it taught, then learned.
///
/// Laws (checked for every registered one): transforming without learning changes nothing; a row's own target never
/// reaches its features; results are finite or missing; equal input gives equal bytes whatever the batch size; memory
/// does not grow with the number of different values.
public protocol RecordTransformer: Stateful {
    func process(_ records: RecordView)
    var notes: [StepNote] { get }
}

extension RecordTransformer {
    public var notes: [StepNote] { [] }
}

/// A registered step over records: what it is, and how to make it, which may add fields to the layout.
public struct RecordTransformerDescriptor: Sendable {
    public let descriptor: Descriptor
    /// Its hyperparameters that name fields whose bytes it reads.
    public let rawFields: [String]
    public let make: @Sendable (Hyperparameters, inout FieldLayout) throws(SettingError) -> any RecordTransformer

    public init(
        _ descriptor: Descriptor, rawFields: [String] = [],
        make: @escaping @Sendable (Hyperparameters, inout FieldLayout) throws(SettingError) -> any RecordTransformer
    ) {
        self.descriptor = descriptor
        self.rawFields = rawFields
        self.make = make
    }
}

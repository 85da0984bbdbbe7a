import Components
import Records
import State

/// A step that takes records out of the stream before anything else sees them. Filters work only on records that are
/// learned from: a question asked twice is answered twice.
///
/// Laws as for `RecordTransformer`.
public protocol RecordFilter: Stateful {
    /// Takes rows out of `batch`, in order (`removeRow`, or `rejectRow` for the quarantine).
    func filter(_ batch: RecordBatch)
    var notes: [StepNote] { get }
}

/// A registered filter.
public struct RecordFilterDescriptor: Sendable {
    public let descriptor: Descriptor
    /// Its hyperparameters that name fields whose bytes it reads.
    public let rawFields: [String]
    public let make: @Sendable (Hyperparameters, FieldLayout) throws(SettingError) -> any RecordFilter

    public init(
        _ descriptor: Descriptor, rawFields: [String] = [],
        make: @escaping @Sendable (Hyperparameters, FieldLayout) throws(SettingError) -> any RecordFilter
    ) {
        self.descriptor = descriptor
        self.rawFields = rawFields
        self.make = make
    }
}

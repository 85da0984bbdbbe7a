import Components
import State

/// What a detector says after a value.
public enum DriftSignal: UInt8, Sendable, Comparable {
    case none
    /// The values may be about to change.
    case warning
    /// The values have changed.
    case drift

    public static func < (a: DriftSignal, b: DriftSignal) -> Bool { a.rawValue < b.rawValue }
}

/// Watches a sequence of numbers for a change of their distribution.
///
/// Laws (checked for every registered detector): all state is in `state`; equal values give equal signals and bytes; no
/// value makes the state non-finite; memory is bounded; after `reset` it answers like a new one.
public protocol DriftDetector: Stateful {
    /// Takes the next value. What is not finite is ignored; beyond ±1e100 counts as ±1e100.
    func update(_ value: Double) -> DriftSignal

    /// Forgets everything.
    func reset()
}

/// The values a detector is made for.
public enum DetectorInput: String, Sendable {
    /// Errors: 0 or 1, or numbers between.
    case errors
    /// Any numbers.
    case numbers
}

/// A registered detector: what it is, and how to make it. All have the field `watch`, for whoever feeds them.
public struct DetectorDescriptor: Sendable {
    public let descriptor: Descriptor
    public let input: DetectorInput
    /// What each preset (`moa`, `river`) sets where it differs from the defaults.
    public let presets: [String: [String: String]]
    public let make: @Sendable (Hyperparameters, _ seed: UInt64) throws(SettingError) -> any DriftDetector

    public init(
        _ descriptor: Descriptor, input: DetectorInput, presets: [String: [String: String]] = [:],
        make: @escaping @Sendable (Hyperparameters, _ seed: UInt64) throws(SettingError) -> any DriftDetector
    ) {
        let watch = HyperparameterField(
            "watch", .choice(["error", "loss"]), default: "error",
            "the learner's errors: 1 for a wrong class, a number's distance in deviations of the targets; or its loss")
        self.descriptor = Descriptor(descriptor.name, descriptor.summary, fields: descriptor.fields + [watch])
        self.input = input
        self.presets = presets
        self.make = make
    }
}

/// The value as detectors take it: squares of it, added up, stay finite. Nil where it is not finite.
@inline(__always) func watched(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    return max(-1e100, min(1e100, value))
}

/// The value as detectors of errors take it: within 0 and 1. Nil where it is not finite.
@inline(__always) func watchedError(_ value: Double) -> Double? {
    guard value.isFinite else { return nil }
    return max(0, min(1, value))
}

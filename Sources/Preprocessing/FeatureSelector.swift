import Components
import Records
import State

/// What a selector is made for.
public struct SelectionContext {
    /// Feature indices lie below.
    public let slotCount: Int
    /// Indices below are numbers with slots of their own: column c's is c.
    public let denseCount: Int
    public let numberNames: [String]
    public let task: Task
    /// What people call the feature at a slot, where the encoder knows.
    private let nameOf: (Int) -> String?

    public init(
        slotCount: Int, denseCount: Int, numberNames: [String], task: Task,
        nameOf: @escaping (Int) -> String? = { _ in nil }
    ) {
        self.slotCount = slotCount
        self.denseCount = denseCount
        self.numberNames = numberNames
        self.task = task
        self.nameOf = nameOf
    }

    /// A feature's name for people; hashed ones have none.
    func name(_ slot: Int) -> String {
        slot < numberNames.count ? numberNames[slot] : nameOf(slot) ?? "slot \(slot)"
    }
}

/// The last steps: take features out of encoded rows, each row by what the rows before it taught, then learn the row as
/// it was.
///
/// Laws as for `RecordTransformer`.
public protocol FeatureSelector: Stateful {
    /// Whether row `row`'s feature at `slot` stays. Changes nothing.
    func keeps(_ slot: Int) -> Bool
    /// Learns one row's features, whole.
    func learn(_ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ count: Int, target: Double)
    var notes: [StepNote] { get }
}

extension FeatureSelector {
    /// Takes out of every row the features that do not stay, and learns the rows.
    @inline(__always)
    public func process(_ features: FeatureBatch, targets: UnsafePointer<Double>, learns: UnsafePointer<Bool>?) {
        var at = 0
        var start = features.offsets[0]
        for row in 0..<features.rows {
            let end = features.offsets[row + 1]
            features.offsets[row] = at
            // Selecting moves features up in place, so what is learned must be seen first; it counts from the next row on.
            let kept = select(features, start..<end, to: at) {
                if learns?[row] ?? false {
                    learn(features.indices + start, features.values + start, end - start, target: targets[row])
                }
            }
            at += kept
            start = end
        }
        features.offsets[features.rows] = at
    }

    @inline(__always)
    private func select(_ features: FeatureBatch, _ range: Range<Int>, to target: Int, learn: () -> Void) -> Int {
        let (indices, values, learning) = (features.indices, features.values, features.learningValues)
        return withUnsafeTemporaryAllocation(of: Bool.self, capacity: max(range.count, 1)) { keep in
            for (place, at) in range.enumerated() { keep[place] = keeps(Int(indices[at])) }
            learn()
            var to = target
            for (place, at) in range.enumerated() where keep[place] {
                indices[to] = indices[at]
                values[to] = values[at]
                if let learning { learning[to] = learning[at] }
                to += 1
            }
            return to - target
        }
    }
}

/// A registered selector.
public struct FeatureSelectorDescriptor: Sendable {
    public let descriptor: Descriptor
    public let make: @Sendable (Hyperparameters, SelectionContext) throws(SettingError) -> any FeatureSelector

    public init(
        _ descriptor: Descriptor,
        make: @escaping @Sendable (Hyperparameters, SelectionContext) throws(SettingError) -> any FeatureSelector
    ) {
        self.descriptor = descriptor
        self.make = make
    }
}

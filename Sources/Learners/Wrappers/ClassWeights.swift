import State

/// Weighs records by their class.
///
/// Balanced as in scikit-learn, n / (k n_c) with n records, k classes and n_c records of the class, but of the records up
/// to this one. Classes that are not named weigh 1.
public final class ClassWeights: LearningWeight {
    /// A record of a class that is all but unknown does not outweigh everything before it.
    public static let limit = 1000.0

    public enum Rule: Sendable, Equatable {
        case balanced
        case named([String: Double])
    }

    private let rule: Rule
    /// Records by class.
    private let counts = StateArray<Double>(count: 0, grows: true)

    public init(_ rule: Rule) { self.rule = rule }

    public var state: [StateEntry] { [StateEntry("class_counts", counts)] }

    public func grow(toClasses count: Int) { if count > counts.count { counts.resize(to: count) } }

    public func factor(of target: Int, names: [String]) -> Double {
        guard target < counts.count else { return 1 }
        counts[target] += 1
        switch rule {
        case .named(let weights): return names.indices.contains(target) ? weights[names[target]] ?? 1 : 1
        case .balanced:
            var (all, classes) = (0.0, 0.0)
            for index in 0..<counts.count where counts.base[index] > 0 {
                all += counts.base[index]
                classes += 1
            }
            return min(all / (classes * counts.base[target]), Self.limit)
        }
    }
}

import Glibc
import State

/// Leaves records out, or learns them more than once, so that classes are learned in the shares that are wanted.
///
/// River's `imblearn`: `RandomUnderSampler` (rejection sampling against the class that is rarest for its share),
/// `RandomOverSampler` (Poisson copies against the one most frequent for it) and `RandomSampler` (Poisson copies at a
/// rate). A record that is drawn k times is learned with k times its weight.
public final class ClassSampler: LearningWeight {
    public enum Method: String, Sendable, CaseIterable {
        case under
        case over
        case random
    }

    /// A record is not drawn more often, on average.
    public static let maximumRate = 100.0

    private let method: Method
    /// By class name; empty: all classes in equal shares. Classes that are not named are learned as they come.
    private let shares: [String: Double]
    private let rate: Double
    /// Records by class.
    private let counts = StateArray<Double>(count: 0, grows: true)
    /// 1 + the class the others are measured by; 0 = none.
    private let pivot = StateArray<UInt32>(count: 1)
    private let generator: RandomGenerator

    /// - Parameter rate: `random` learns so many records for each that comes.
    public init(_ method: Method, shares: [String: Double], rate: Double, seed: UInt64) {
        self.method = method
        self.shares = shares
        self.rate = rate
        generator = RandomGenerator(seed: seed)
    }

    public var state: [StateEntry] {
        [StateEntry("class_counts", counts), StateEntry("pivot", pivot)] + generator.state
    }

    public func grow(toClasses count: Int) { if count > counts.count { counts.resize(to: count) } }

    public func factor(of target: Int, names: [String]) -> Double {
        guard target < counts.count else { return 1 }
        counts[target] += 1
        guard let share = share(target, names) else { return 1 }
        if method == .random { return drawRandom(target, share, names) }
        if Int(pivot[0]) == target + 1 { return 1 }
        choosePivot(names)
        let chosen = Int(pivot[0]) - 1
        guard chosen >= 0, let most = self.share(chosen, names) else { return 1 }
        // How many records of this class there should be for each that there is.
        let ratio = counts.base[chosen] / most * share / counts.base[target]
        if method == .over { return Double(draw(ratio)) }
        // River leaves out a record whose class has just become the measure itself, so that of classes that take turns one
        // is never learned.
        return ratio >= 1 || generator.nextUniform() < ratio ? 1 : 0
    }

    private func drawRandom(_ target: Int, _ share: Double, _ names: [String]) -> Double {
        var (all, sum) = (0.0, 0.0)
        for index in 0..<counts.count where counts.base[index] > 0 {
            guard let other = self.share(index, names) else { continue }
            all += counts.base[index]
            if shares.isEmpty { sum += other }
        }
        return Double(draw(rate * share / (shares.isEmpty ? sum : 1) * all / counts.base[target]))
    }

    private func share(_ target: Int, _ names: [String]) -> Double? {
        if shares.isEmpty { return 1 }
        return names.indices.contains(target) ? shares[names[target]] : nil
    }

    /// The first class with the most, or fewest, records for its share.
    private func choosePivot(_ names: [String]) {
        var best = -Double.infinity
        for index in 0..<counts.count where counts.base[index] > 0 {
            guard let share = share(index, names) else { continue }
            let excess = method == .over ? counts.base[index] / share : share / counts.base[index]
            if excess > best {
                best = excess
                pivot[0] = UInt32(index + 1)
            }
        }
    }

    /// Draws from a Poisson distribution (Knuth 3.4.1, algorithm Q).
    private func draw(_ mean: Double) -> Int {
        let bound = exp(-min(mean, Self.maximumRate))
        var count = 0
        var product = generator.nextUniform()
        while product > bound {
            count += 1
            product *= generator.nextUniform()
        }
        return count
    }
}

import Glibc

/// What a split is worth, from the class weights before it and in its branches.
enum SplitCriterion: String, CaseIterable {
    /// Information gain in bits; minus infinity where less than two branches get more than 1 % of the weight.
    case informationGain = "info-gain"
    /// 1 - the branches' mean Gini impurity.
    case gini

    private static let leastShare = 0.01

    /// The largest merit less the smallest, for the Hoeffding bound.
    func range(classes: Int) -> Double {
        switch self {
        case .informationGain: log(Double(max(classes, 2))) / log(2)
        case .gini: 1
        }
    }

    /// - Parameters:
    ///   - entropy: of the weights before the split, in nats; unused by Gini.
    ///   - branches: class weights by branch and class.
    @inline(__always)
    func merit(
        before entropy: Double, _ branches: UnsafePointer<Double>, _ count: Int, classes: Int
    ) -> Double {
        var total = 0.0
        for index in 0..<count * classes { total += branches[index] }
        guard total > 0 else { return -.infinity }
        var sum = 0.0
        var populated = 0
        for branch in 0..<count {
            let weights = branches + branch * classes
            var weight = 0.0
            for index in 0..<classes { weight += weights[index] }
            if weight / total > Self.leastShare { populated += 1 }
            switch self {
            case .informationGain: sum += Self.weightedEntropy(weights, classes)
            case .gini: if weight > 0 { sum += weight / total * Self.impurity(weights, classes, weight) }
            }
        }
        switch self {
        case .informationGain:
            return populated < 2 ? -.infinity : (entropy - sum / total) * Self.bitsPerNat
        case .gini: return 1 - sum
        }
    }

    static let bitsPerNat = 1.4426950408889634

    /// Entropy in nats times the weight: W ln W - sum_c w_c ln w_c.
    @inline(__always)
    static func weightedEntropy(_ weights: UnsafePointer<Double>, _ classes: Int) -> Double {
        var sum = 0.0
        var entropy = 0.0
        for index in 0..<classes where weights[index] > 0 {
            entropy -= weights[index] * log(weights[index])
            sum += weights[index]
        }
        return sum > 0 ? entropy + sum * log(sum) : 0
    }

    /// Entropy in nats.
    static func entropy(_ weights: UnsafePointer<Double>, _ classes: Int) -> Double {
        var sum = 0.0
        for index in 0..<classes { sum += max(weights[index], 0) }
        return sum > 0 ? weightedEntropy(weights, classes) / sum : 0
    }

    static func impurity(_ weights: UnsafePointer<Double>, _ classes: Int, _ sum: Double) -> Double {
        var impurity = 1.0
        for index in 0..<classes {
            let share = weights[index] / sum
            impurity -= share * share
        }
        return impurity
    }
}

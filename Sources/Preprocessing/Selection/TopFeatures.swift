import Components
import Glibc
import Records
import State

/// Keeps the k features that tell most about the target, ranked anew every `every` records; before that all stay. A
/// feature that a record does not have counts as 0.
///
/// `correlation`: Pearson's with a regression's target, its absolute value (River's SelectKBest); with classes the
/// correlation ratio η, the root of the share of the variance that lies between classes (scikit-learn's f_classif ranks
/// alike; with two classes it is Pearson's absolute value). `mutual-information`: between having the feature and the
/// class, in nats. `chi2`: of the values' sums by class against what independence expects (scikit-learn's chi2; negative
/// values count as 0). For the last two a regression's target counts by `groups` bins of equal weight, fixed by the first
/// 256 targets, which count for nothing else.
final class TopFeatures: FeatureSelector {
    enum Measure: String, CaseIterable {
        case correlation
        case mutualInformation = "mutual-information"
        case chi2
    }

    static let descriptor = FeatureSelectorDescriptor(
        Descriptor(
            "top-features", "keep the k features that tell most about the target",
            fields: [
                HyperparameterField("k", .integer(1...1 << 26), default: "100", "features that stay"),
                HyperparameterField(
                    "by", .choice(Measure.allCases.map(\.rawValue)), default: Measure.correlation.rawValue,
                    "how much a feature tells"),
                HyperparameterField("every", .integer(1...1 << 30), default: "1000", "records between rankings"),
                HyperparameterField(
                    "groups", .integer(2...256), default: "16",
                    "classes told apart, later ones count as one; bins of a regression's target"),
            ])
    ) { parameters, context in
        TopFeatures(
            context, count: parameters.integer("k"), measure: Measure(rawValue: parameters["by"]) ?? .correlation,
            every: Double(parameters.integer("every")), groups: parameters.integer("groups"))
    }

    private let context: SelectionContext
    private let count: Int
    private let measure: Measure
    private let every: Double
    /// Groups of the target; 0 = it counts as a number.
    private let groups: Int
    /// Records, rankings, Σ y, Σ y², targets seen while the bins were not fixed.
    private let totals: StateArray<Double>
    /// Records by group.
    private let groupCounts: StateArray<Double>
    /// A regression's first targets; then the upper edges of its bins.
    private let edges: StateArray<Double>
    /// By slot, with x the value, its positive part or 1: Σ x², then Σ x and Σ x y, or Σ x by group.
    private let sums: StateArray<Double>
    /// By slot: 1 = stays.
    private let selected: StateArray<UInt8>

    private static let binningTargets = 256

    init(_ context: SelectionContext, count: Int, measure: Measure, every: Double, groups: Int = 16) {
        self.context = context
        self.count = count
        self.measure = measure
        self.every = every
        switch context.task {
        // Without targets nothing is learned here, and all features stay.
        case .binary, .anomaly, .clustering, .bandit: self.groups = 2
        case .multiclass: self.groups = groups
        case .regression: self.groups = measure == .correlation ? 0 : groups
        }
        totals = StateArray(count: 5)
        groupCounts = StateArray(count: max(self.groups, 1))
        edges = StateArray(count: context.task == .regression && self.groups > 0 ? Self.binningTargets : 0)
        sums = StateArray(
            count: context.slotCount, lanes: self.groups > 0 ? 1 + self.groups : 3, marksChanges: true)
        selected = StateArray(count: context.slotCount, marksChanges: true)
    }

    var state: [StateEntry] {
        [
            StateEntry("totals", totals), StateEntry("groups", groupCounts), StateEntry("edges", edges),
            StateEntry("sums", sums), StateEntry("selected", selected),
        ]
    }

    var notes: [StepNote] {
        guard totals[1] > 0 else { return [StepNote("selected", "all: no \(Int(every)) records yet")] }
        let kept = (0..<context.slotCount).filter { selected[$0] == 1 }
            .map { (score($0), $0) }.sorted { ($0.0, $1.1) > ($1.0, $0.1) }.map(\.1)
        return [StepNote("selected", listed(kept, context))]
    }

    func keeps(_ slot: Int) -> Bool { totals.base[1] == 0 || selected.base[slot] == 1 }

    /// Beyond, products overflow.
    private static let largest = 1e30

    func learn(_ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ count: Int, target: Double) {
        guard target.isFinite else { return }
        let target = min(max(target, -Self.largest), Self.largest)
        guard groups > 0 else {
            learn(indices, values, count, pearson: target)
            return
        }
        guard let group = group(of: target) else { return }
        totals.base[0] += 1
        groupCounts.base[group] += 1
        for at in 0..<count {
            let first = sums.lanes * Int(indices[at])
            let x = weight(values[at])
            sums[first] += x * x
            sums[first + 1 + group] += x
        }
        if totals.base[0].truncatingRemainder(dividingBy: every) == 0 { rank() }
    }

    private func learn(
        _ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ count: Int, pearson target: Double
    ) {
        totals.base[0] += 1
        totals.base[2] += target
        totals.base[3] += target * target
        for at in 0..<count {
            let first = 3 * Int(indices[at])
            let x = weight(values[at])
            sums[first] += x * x
            sums[first + 1] += x
            sums[first + 2] += x * target
        }
        if totals.base[0].truncatingRemainder(dividingBy: every) == 0 { rank() }
    }

    @inline(__always)
    private func weight(_ value: Float) -> Double {
        let value = min(max(Double(value), -Self.largest), Self.largest)
        return measure == .correlation ? value : measure == .chi2 ? max(value, 0) : value != 0 ? 1 : 0
    }

    /// The class, or the bin of a number; nil while the bins are not fixed.
    private func group(of target: Double) -> Int? {
        guard context.task == .regression else { return Int(min(max(target, 0), Double(groups - 1))) }
        let seen = Int(totals.base[4])
        guard seen >= Self.binningTargets else {
            edges.base[seen] = target
            totals.base[4] += 1
            if seen + 1 == Self.binningTargets { fixBins() }
            return nil
        }
        var bin = 0
        while bin < groups - 1, target > edges.base[bin] { bin += 1 }
        return bin
    }

    private func fixBins() {
        let sorted = edges.elements.sorted()
        for place in 0..<Self.binningTargets {
            edges.base[place] = place < groups - 1 ? sorted[(place + 1) * sorted.count / groups - 1] : 0
        }
    }

    private func rank() {
        var ranked: [(score: Double, slot: Int)] = []
        for slot in 0..<context.slotCount where sums.base[sums.lanes * slot] > 0 {
            ranked.append((score(slot), slot))
            selected[slot] = 0
        }
        // Of equals the lower slot.
        ranked.sort { ($0.score, $1.slot) > ($1.score, $0.slot) }
        for (_, slot) in ranked.prefix(count) { selected[slot] = 1 }
        totals.base[1] += 1
    }

    // MARK: Scores

    /// How much a slot tells; 0 = nothing.
    func score(_ slot: Int) -> Double {
        guard totals[0] > 0 else { return 0 }
        let score =
            switch measure {
            case .correlation: groups > 0 ? correlationRatio(slot) : pearson(slot)
            case .mutualInformation: mutualInformation(slot)
            case .chi2: chiSquared(slot)
            }
        return score.isFinite ? score : 0
    }

    private func pearson(_ slot: Int) -> Double {
        let (squares, sum, product) = (sums[3 * slot], sums[3 * slot + 1], sums[3 * slot + 2])
        let count = totals[0]
        let spread = (squares - sum * (sum / count)) * (totals[3] - totals[2] * (totals[2] / count))
        return spread > 0 ? abs(product - sum * (totals[2] / count)) / spread.squareRoot() : 0
    }

    private func sum(_ slot: Int, _ group: Int) -> Double { sums[sums.lanes * slot + 1 + group] }

    private func sum(_ slot: Int) -> Double { (0..<groups).reduce(0) { $0 + sum(slot, $1) } }

    /// η² = Σ n_g (mean_g - mean)² / Σ (x - mean)².
    private func correlationRatio(_ slot: Int) -> Double {
        let all = sum(slot)
        let offset = all * (all / totals[0])
        var between = -offset
        for group in 0..<groups where groupCounts[group] > 0 {
            between += sum(slot, group) * (sum(slot, group) / groupCounts[group])
        }
        let spread = sums[sums.lanes * slot] - offset
        return spread > 0 && between > 0 ? min(1, between / spread).squareRoot() : 0
    }

    private func mutualInformation(_ slot: Int) -> Double {
        let count = totals[0]
        let present = sum(slot)
        var information = 0.0
        for group in 0..<groups where groupCounts[group] > 0 {
            let both = sum(slot, group)
            for (joint, left) in [(both, present), (groupCounts[group] - both, count - present)] where joint > 0 {
                information += joint / count * log(joint * count / (left * groupCounts[group]))
            }
        }
        return information
    }

    private func chiSquared(_ slot: Int) -> Double {
        let all = sum(slot)
        var total = 0.0
        for group in 0..<groups {
            let expected = all * (groupCounts[group] / totals[0])
            let difference = sum(slot, group) - expected
            if expected > 0 { total += difference * difference / expected }
        }
        return total
    }
}

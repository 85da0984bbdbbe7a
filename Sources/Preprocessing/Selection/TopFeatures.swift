import Components
import Glibc
import Records
import State

/// Keeps the k features that tell most about the target, ranked anew every `every` records; before that all stay. A
/// feature that a record does not have counts as 0.
///
/// `correlation`: Pearson's, its absolute value (River's SelectKBest). `mutual-information`: between having the feature
/// and the class, in nats. `chi2`: of the values' sums by class against what independence expects (scikit-learn's chi2;
/// negative values count as 0). The last two need a binary task.
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
            ])
    ) { parameters, context throws(SettingError) in
        let measure = Measure(rawValue: parameters["by"]) ?? .correlation
        guard context.task == .binary || context.task == .regression && measure == .correlation else {
            throw SettingError("top-features: by=\(measure.rawValue) is not made for a \(context.task.rawValue) task")
        }
        return TopFeatures(
            context, count: parameters.integer("k"), measure: measure, every: Double(parameters.integer("every")))
    }

    private let context: SelectionContext
    private let count: Int
    private let measure: Measure
    private let every: Double
    /// Records, rankings, Σ y, Σ y².
    private let totals: StateArray<Double>
    /// By slot, with x the value, its positive part or 1: Σ x, Σ x y, Σ x².
    private let sums: StateArray<Double>
    /// By slot: 1 = stays.
    private let selected: StateArray<UInt8>

    init(_ context: SelectionContext, count: Int, measure: Measure, every: Double) {
        self.context = context
        self.count = count
        self.measure = measure
        self.every = every
        totals = StateArray(count: 4)
        sums = StateArray(count: context.slotCount, lanes: 3, marksChanges: true)
        selected = StateArray(count: context.slotCount, marksChanges: true)
    }

    var state: [StateEntry] {
        [StateEntry("totals", totals), StateEntry("sums", sums), StateEntry("selected", selected)]
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
        totals.base[0] += 1
        totals.base[2] += target
        totals.base[3] += target * target
        for at in 0..<count {
            let slot = 3 * Int(indices[at])
            let value = min(max(Double(values[at]), -Self.largest), Self.largest)
            let x = measure == .correlation ? value : measure == .chi2 ? max(value, 0) : value != 0 ? 1 : 0
            sums[slot] += x
            sums[slot + 1] += x * target
            sums[slot + 2] += x * x
        }
        if totals.base[0].truncatingRemainder(dividingBy: every) == 0 { rank() }
    }

    private func rank() {
        var ranked: [(score: Double, slot: Int)] = []
        for slot in 0..<context.slotCount where sums.base[3 * slot + 2] > 0 {
            ranked.append((score(slot), slot))
            selected[slot] = 0
        }
        // Of equals the lower slot.
        ranked.sort { ($0.score, $1.slot) > ($1.score, $0.slot) }
        for (_, slot) in ranked.prefix(count) { selected[slot] = 1 }
        totals.base[1] += 1
    }

    /// How much a slot tells; 0 = nothing.
    func score(_ slot: Int) -> Double {
        let (sum, product, squares) = (sums[3 * slot], sums[3 * slot + 1], sums[3 * slot + 2])
        let score =
            switch measure {
            case .correlation: correlation(sum, product, squares)
            case .mutualInformation: mutualInformation(sum, product)
            case .chi2: chiSquared(sum, product)
            }
        return score.isFinite ? score : 0
    }

    private func correlation(_ sum: Double, _ product: Double, _ squares: Double) -> Double {
        let count = totals[0]
        let spread = (squares - sum * (sum / count)) * (totals[3] - totals[2] * (totals[2] / count))
        return spread > 0 ? abs(product - sum * (totals[2] / count)) / spread.squareRoot() : 0
    }

    private func mutualInformation(_ present: Double, _ both: Double) -> Double {
        let count = totals[0]
        let positive = totals[2]
        var information = 0.0
        for (joint, left, right) in [
            (both, present, positive), (present - both, present, count - positive),
            (positive - both, count - present, positive),
            (count - present - positive + both, count - present, count - positive),
        ] where joint > 0 {
            information += joint / count * log(joint * count / (left * right))
        }
        return information
    }

    private func chiSquared(_ sum: Double, _ positive: Double) -> Double {
        let share = totals[2] / totals[0]
        var total = 0.0
        for (observed, expected) in [(positive, sum * share), (sum - positive, sum * (1 - share))] where expected > 0 {
            total += (observed - expected) * (observed - expected) / expected
        }
        return total
    }
}

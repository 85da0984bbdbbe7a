import Components
import State

/// Leaves out features whose variance over the records so far is at most `threshold` (scikit-learn's and River's
/// VarianceThreshold). A feature that a record does not have counts as 0. Before `after` records all stay.
final class VarianceThreshold: FeatureSelector {
    static let descriptor = FeatureSelectorDescriptor(
        Descriptor(
            "variance-threshold", "leave out features that hardly vary",
            fields: [
                HyperparameterField("threshold", .number(0...1e30), default: "0", "variance at most that is left out"),
                HyperparameterField(
                    "after", .integer(1...1 << 30), default: "100", "records before anything is left out"),
            ])
    ) { parameters, context in
        VarianceThreshold(
            context, threshold: parameters.double("threshold"), after: Double(parameters.integer("after")))
    }

    private let context: SelectionContext
    private let threshold: Double
    private let after: Double
    private let records: StateArray<Double>
    /// By slot: records that have the feature, mean over these, squared deviations.
    private let moments: StateArray<Double>

    init(_ context: SelectionContext, threshold: Double, after: Double) {
        self.context = context
        self.threshold = threshold
        self.after = after
        records = StateArray(count: 1)
        moments = StateArray(count: context.slotCount, lanes: 3, marksChanges: true)
    }

    var state: [StateEntry] { [StateEntry("records", records), StateEntry("moments", moments)] }

    var notes: [StepNote] {
        let met = (0..<context.slotCount).filter { moments[3 * $0] > 0 }
        let out = met.filter { !keeps($0) }
        return [
            StepNote("kept", "\(met.count - out.count) of \(met.count)"), StepNote("left out", listed(out, context)),
        ]
    }

    func keeps(_ slot: Int) -> Bool {
        guard records.base[0] >= after else { return true }
        return variance(slot) > threshold
    }

    /// Over all records, those without the feature as zeros.
    private func variance(_ slot: Int) -> Double {
        let (present, mean, squares) = (moments[3 * slot], moments[3 * slot + 1], moments[3 * slot + 2])
        let total = max(records.base[0], 1)
        let absent = max(total - present, 0)
        return bounded(squares / total + bounded(mean * mean) * (present / total) * (absent / total))
    }

    func learn(_ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ count: Int, target: Double) {
        records.base[0] += 1
        for at in 0..<count {
            let slot = 3 * Int(indices[at])
            let present = moments[slot] + 1
            let deviation = Double(values[at]) - moments[slot + 1]
            let shift = deviation / present
            moments[slot] = present
            moments[slot + 1] += shift
            moments[slot + 2] += deviation * (deviation - shift)
        }
    }
}

/// The names of the first few slots.
func listed(_ slots: [Int], _ context: SelectionContext) -> String {
    let shown = slots.prefix(20).map(context.name).joined(separator: ", ")
    return slots.count > 20 ? shown + " and \(slots.count - 20) more" : shown
}

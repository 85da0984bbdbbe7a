import Components
import State

/// Lets a hashed feature (a category, a word, a cross) through once earlier records had it `count` times: rare ones get
/// no weight. Numbers always pass.
final class Admit: FeatureSelector {
    static let descriptor = FeatureSelectorDescriptor(
        Descriptor(
            "admit", "let categories, words and crosses through once they were seen often enough",
            fields: [HyperparameterField("count", .integer(1...1_000_000), default: "5", "earlier records with it")])
    ) { parameters, context in Admit(context, count: UInt32(parameters.integer("count"))) }

    private let context: SelectionContext
    private let count: UInt32
    private let seen: StateArray<UInt32>

    init(_ context: SelectionContext, count: UInt32) {
        self.context = context
        self.count = count
        seen = StateArray(count: context.slotCount, marksChanges: true)
    }

    var state: [StateEntry] { [StateEntry("seen", seen)] }

    var notes: [StepNote] {
        var met = 0
        var admitted = 0
        for slot in context.denseCount..<max(context.slotCount, context.denseCount) where seen[slot] > 0 {
            met += 1
            if seen[slot] >= count { admitted += 1 }
        }
        return [StepNote("admitted", "\(admitted) of \(met)")]
    }

    func keeps(_ slot: Int) -> Bool { slot < context.denseCount || seen.base[slot] >= count }

    func learn(_ indices: UnsafePointer<UInt32>, _ values: UnsafePointer<Float>, _ count: Int, target: Double) {
        for at in 0..<count {
            let slot = Int(indices[at])
            if slot >= context.denseCount, seen[slot] < .max { seen[slot] += 1 }
        }
    }
}

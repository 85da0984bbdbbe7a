import Components
import Records
import State

/// Naive Bayes over fields: a Gaussian for each number, counts for each category (John and Langley, Estimating Continuous
/// Distributions in Bayesian Classifiers, UAI 1995), with Welford's variance.
///
/// `--preset moa` gives MOA's NaiveBayes, to the record: also where a product of densities underflows.
public final class NaiveBayes: OnePassLearner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "naive-bayes", "naive Bayes over fields: Gaussians of numbers, counts of categories; one pass, no tuning",
            fields: [
                HyperparameterField(
                    "underflow", .boolean, default: "false",
                    "densities are multiplied as doubles, as MOA does, instead of adding logarithms"),
                HyperparameterField(
                    "density-floor", .number(0...1), default: "0",
                    "added to every density, so that no class is impossible; River's is 1e-9"),
            ]),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false),
        presets: ["moa": ["underflow": "true"], "river": ["density-floor": "1e-9"]]
    ) { parameters, context throws(SettingError) in
        NaiveBayes(context, underflows: parameters.boolean("underflow"), floor: parameters.double("density-floor"))
    }

    private let task: Task
    private let underflows: Bool
    private let floor: Double
    private let isNominal: [Bool]
    /// By attribute: codes there is room for.
    private let rooms: StateArray<Int64>
    private let weights: StateArray<Double>
    /// One block of `ObserverLayout`.
    private let observers: StateArray<Double>
    private var layout: ObserverLayout
    @exclusivity(unchecked) private var votes: [Double] = []

    init(_ context: LearnerContext, underflows: Bool, floor: Double) {
        self.floor = floor
        task = context.task
        self.underflows = underflows
        isNominal = context.attributes.map(\.isNominal)
        rooms = StateArray(context.attributes.map(\.firstRoom))
        let classes = context.task == .binary ? 2 : 0
        weights = StateArray(count: classes, grows: true)
        layout = ObserverLayout(classes: classes, values: context.attributes.map { Int($0.firstRoom) })
        observers = StateArray(count: layout.size, grows: true)
        layout.observeAll(observers.base)
        votes = Array(repeating: 0, count: classes)
    }

    public var classCount: Int { layout.classes }

    public var state: [StateEntry] {
        [StateEntry("rooms", rooms), StateEntry("class-weights", weights), StateEntry("observers", observers)]
    }

    public func stateDidChange() {
        layout = ObserverLayout(classes: weights.count, values: rooms.elements.map { Int($0) })
        votes = Array(repeating: 0, count: weights.count)
        // Before anything is learned a snapshot's sizes may be those of no class.
        if observers.count != layout.size { observers.resize(to: layout.size) }
    }

    public func grow(toClasses count: Int) {
        stateDidChange()
        guard count > classCount else { return }
        change(classes: count)
    }

    /// Gives the observers another layout, keeping what they hold.
    private func change(classes: Int) {
        let old = observers.elements
        let made = ObserverLayout(classes: classes, values: rooms.elements.map { Int($0) })
        observers.resize(to: 0)
        observers.resize(to: made.size)
        old.withUnsafeBufferPointer { old in
            if let old = old.baseAddress { layout.copy(old, to: observers.base, of: made) }
        }
        weights.resize(to: classes)
        layout = made
        votes = Array(repeating: 0, count: classes)
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            let start = row * features.attributeCount
            predict(row, features.attributes + start, features, predictions)
            if learning, let target = features.learnedClass(row, of: classCount) {
                learn(learned + start, target, Double(features.weights[row]))
            }
        }
    }

    private func predict(
        _ row: Int, _ values: UnsafePointer<Double>, _ features: FeatureBatch, _ predictions: PredictionBatch
    ) {
        votes.withUnsafeMutableBufferPointer { votes in
            guard let votes = votes.baseAddress else { return }
            if floor > 0 {
                layout.flooredBayes(observers.base, values, weights.base, floor: floor, votes)
            } else {
                _ = layout.bayes(observers.base, values, weights.base, underflows: underflows, votes)
            }
            ClassVotes.write(votes, layout.classes, row, task: task, features, predictions)
        }
    }

    private func learn(_ values: UnsafePointer<Double>, _ target: Int, _ weight: Double) {
        if !layout.hasRoom(for: values) { makeRoom(for: values) }
        weights.base[target] += weight
        layout.learn(observers.base, values, target, weight)
    }

    /// Codes beyond the room are passed over where all of them would take too much.
    private func makeRoom(for values: UnsafePointer<Double>) {
        var wanted = rooms.elements.map { Int($0) }
        for index in isNominal.indices where isNominal[index] && !values[index].isNaN {
            wanted[index] = max(wanted[index], ObserverLayout.room(for: Int(values[index])))
        }
        guard ObserverLayout(classes: classCount, values: wanted).size <= Self.maximumSize else { return }
        for index in isNominal.indices { rooms[index] = Int64(wanted[index]) }
        change(classes: classCount)
    }

    /// Numbers in the observers: 256 MiB.
    private static let maximumSize = 1 << 25
}

extension Attribute {
    /// Codes that statistics have room for in the beginning; 0 = numeric.
    var firstRoom: Int64 {
        switch kind {
        case .numeric: 0
        case .nominal(let declared): Int64(ObserverLayout.room(for: max(declared - 1, 0)))
        }
    }
}

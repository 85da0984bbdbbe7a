import Components
import Glibc
import Records
import State

/// The k nearest of the latest records decide: a vote of their classes, or the mean of their targets (Cover and Hart,
/// Nearest Neighbor Pattern Classification, IEEE Trans. Inf. Theory 13, 1967).
public final class NearestNeighbors: OnePassLearner {
    /// How targets of neighbours become one.
    private enum Vote: String, CaseIterable {
        case uniform
        /// By inverse distance; an equal record decides alone.
        case distance
        /// The median, of numbers.
        case median
    }

    private let task: Task
    private let k: Int
    private let vote: Vote
    private let includesTies: Bool
    private let window: NeighborWindow
    private let classes = StateArray<Int64>(count: 1)
    private var found: Neighbors
    private var votes: [Double] = []
    private var numbers: [Double] = []

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        task = context.task
        k = fields.integer("k")
        vote = Vote(rawValue: fields["weights"]) ?? .uniform
        guard task == .regression || vote != .median else {
            throw SettingError("knn: weights=median is for numbers; classes take uniform or distance")
        }
        includesTies = fields.boolean("ties")
        window = NeighborWindow(
            capacity: fields.integer("window"), isNominal: context.attributes.map(\.isNominal),
            isScaled: fields["scale"] == "range")
        guard window.attributes * window.capacity <= 1 << 27 else {
            throw SettingError(
                "knn: a window of \(window.capacity) records of \(window.attributes) fields is too large; take a "
                    + "smaller one")
        }
        found = Neighbors(limit: min(k, window.capacity))
        classes[0] = context.task == .binary ? 2 : 0
        votes = Array(repeating: 0, count: classCount)
    }

    public var classCount: Int { Int(classes.base[0]) }

    public var state: [StateEntry] {
        [
            StateEntry("values", window.values), StateEntry("targets", window.targets),
            StateEntry("place", window.place), StateEntry("classes", classes),
        ]
    }

    public func stateDidChange() {
        window.rebuild()
        votes = Array(repeating: 0, count: classCount)
    }

    public func grow(toClasses count: Int) {
        guard count > classCount else { return }
        classes[0] = Int64(count)
        votes = Array(repeating: 0, count: count)
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        let isRegression = task == .regression
        predictions.widen(to: isRegression || task == .binary ? 1 : classCount)
        if !isRegression, classCount == 0 { return predictions.clear() }
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            let start = row * features.attributeCount
            window.nearest(features.attributes + start, &found)
            if isRegression { value(row, features, predictions) } else { classify(row, features, predictions) }
            guard learning, features.hasWeight(row) else { continue }
            let target = isRegression ? features.targets[row] : Double(features.classes[row])
            guard !target.isNaN, isRegression || target >= 0 else { continue }
            window.append(learned + start, target: max(-1e300, min(1e300, target)))
        }
    }

    // MARK: Classes

    private func classify(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        for index in votes.indices { votes[index] = 0 }
        if vote == .distance, found.count > 0, found.distances[0] == 0 {
            votes[classIndex(found.slots[0])] = 1
        } else if vote == .distance {
            for index in 0..<found.count {
                votes[classIndex(found.slots[index])] += Self.weight(found.distances[index])
            }
        } else if includesTies {
            window.ties(found) { votes[classIndex($0)] += 1 }
        } else {
            for index in 0..<found.count { votes[classIndex(found.slots[index])] += 1 }
        }
        votes.withUnsafeMutableBufferPointer { votes in
            guard let votes = votes.baseAddress else { return }
            ClassVotes.write(votes, classCount, row, task: task, features, predictions)
        }
    }

    /// Of a squared distance; finite, and its sums too.
    private static func weight(_ distance: Double) -> Double { min(1 / distance.squareRoot(), 1e150) }

    private func classIndex(_ slot: Int) -> Int { min(max(0, Int(window.targets.base[slot])), classCount - 1) }

    // MARK: Numbers

    private func value(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let value = found.count > 0 ? mean() : 0
        predictions.outputs[row * predictions.stride] = value
        predictions.classes[row] = -1
        let target = features.targets[row]
        let error = target.isNaN ? 0 : value - target
        predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
    }

    private func mean() -> Double {
        numbers.removeAll(keepingCapacity: true)
        if includesTies {
            window.ties(found) { numbers.append(window.targets.base[$0]) }
        } else {
            for index in 0..<found.count { numbers.append(window.targets.base[found.slots[index]]) }
        }
        if vote == .median {
            numbers.sort()
            let middle = numbers.count / 2
            return numbers.count % 2 == 1 ? numbers[middle] : (numbers[middle - 1] / 2 + numbers[middle] / 2)
        }
        // As in River, an equal record decides alone, whatever the weights.
        if !includesTies, found.distances[0] == 0 { return numbers[0] }
        guard vote == .distance, !includesTies else {
            let count = Double(numbers.count)
            return numbers.reduce(0) { $0 + $1 / count }
        }
        var total = 0.0
        for index in 0..<found.count { total += Self.weight(found.distances[index]) }
        return (0..<found.count).reduce(0) {
            $0 + numbers[$1] * (Self.weight(found.distances[$1]) / total)
        }
    }
}

extension NearestNeighbors {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "knn", "the k nearest of the latest records: a vote of classes, or a mean of numbers",
            fields: [
                HyperparameterField("k", .integer(1...10_000), default: "10", "neighbours that decide"),
                HyperparameterField("window", .integer(1...10_000_000), default: "1000", "latest records kept"),
                HyperparameterField(
                    "weights", .choice(Vote.allCases.map(\.rawValue)), default: "distance",
                    "of the neighbours: uniform, by inverse distance, or their median (numbers)"),
                HyperparameterField(
                    "scale", .choice(["none", "range"]), default: "none",
                    "range: numbers by their range in the window"),
                HyperparameterField(
                    "ties", .boolean, default: "false", "all records as near as the last neighbour count (uniform)"),
            ]),
        tasks: [.binary, .multiclass, .regression], input: .attributes(isScaled: true),
        presets: [
            "moa": ["k": "10", "window": "1000", "weights": "uniform", "scale": "range", "ties": "true"],
            "river": ["k": "5", "window": "1000", "weights": "distance"],
        ]
    ) { fields, context throws(SettingError) in try NearestNeighbors(fields, context) }
}

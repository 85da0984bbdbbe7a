import Components
import Records
import State

/// DBSTREAM: clusters of any shape and number, as groups of micro-clusters that share density (Hahsler and Bolanos 2016,
/// Algorithms 1 to 3). The answer is the group of the nearest micro-cluster, the loss its squared distance.
///
/// Groups are found anew every `recluster` records; a group keeps the number that its oldest numbered micro-cluster had, a
/// new one takes the least that is free. Numbers only; a missing one is at the centre.
public final class DBSTREAM: Learner {
    private let columns: [Int]
    private let attributes: Int
    private let share: Double
    private let leastWeight: Double
    private let recluster: Int64
    private let most: Int
    private let clusters: MicroClusters
    /// Of each place: its group, -1 = none.
    private let groups: StateArray<Int64>
    private var record: [Double]

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        attributes = context.attributes.count
        columns = context.attributes.indices.filter { !context.attributes[$0].isNominal }
        guard !columns.isEmpty else { throw SettingError("dbstream needs numbers, and there is no such field") }
        guard context.batchMode == .sequential else {
            throw SettingError("dbstream learns record by record and has no batch mode 'mean'")
        }
        most = fields.integer("most")
        share = fields.double("intersection")
        leastWeight = fields.double("minimum-weight")
        recluster = Int64(fields.integer("recluster"))
        let radius = Double(fields["radius"]) ?? Double(columns.count).squareRoot() / 2
        clusters = MicroClusters(
            MicroClusters.Rule(
                radius: radius, fading: fields.double("fading"), interval: fields.integer("cleanup-interval"),
                most: most, width: columns.count))
        groups = StateArray(count: most)
        for place in 0..<most { groups[place] = -1 }
        record = Array(repeating: 0, count: columns.count)
    }

    public var classCount: Int { most }

    public var state: [StateEntry] { clusters.state + [StateEntry("groups", groups)] }

    /// Centres and weights of the micro-clusters, the oldest first.
    var microClusters: [(centre: [Double], weight: Double)] {
        clusters.ordered.map { place in
            let centre = columns.indices.map { clusters.centres.base[place * columns.count + $0] }
            return (centre, clusters.weight(place))
        }
    }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        for row in 0..<features.rows {
            fill(features.attributes + row * attributes)
            write(row, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        let learned = features.learningAttributes ?? features.attributes
        for row in 0..<features.rows {
            fill(features.attributes + row * attributes)
            write(row, predictions)
            guard features.hasWeight(row) else { continue }
            fill(learned + row * attributes)
            let weight = min(Double(features.weights[row]), 1e6)
            record.withUnsafeBufferPointer { record in
                if let start = record.baseAddress { clusters.learn(start, weight: weight) }
            }
            if isDue(clusters.time) { group() }
        }
    }

    /// At 1, 2, 4, ... records, and then as asked for.
    private func isDue(_ time: Int64) -> Bool { time % recluster == 0 || time < recluster && time & (time - 1) == 0 }

    private func fill(_ values: UnsafePointer<Double>) {
        for (place, column) in columns.enumerated() {
            record[place] = values[column].isNaN ? .nan : max(-1e100, min(1e100, values[column]))
        }
    }

    private func write(_ row: Int, _ predictions: PredictionBatch) {
        var best = (group: Int64(0), distance: Double.infinity)
        record.withUnsafeBufferPointer { record in
            guard let start = record.baseAddress else { return }
            for place in 0..<most where groups.base[place] >= 0 && clusters.isThere(place) {
                let distance = clusters.distance(place, start)
                if distance < best.distance { best = (groups.base[place], distance) }
            }
        }
        predictions.outputs[row * predictions.stride] = Double(best.group)
        predictions.classes[row] = Int32(truncatingIfNeeded: best.group)
        predictions.losses[row] = best.distance.isFinite ? best.distance : 0
    }

    // MARK: Groups

    private func group() {
        let places = clusters.ordered.filter { clusters.weight($0) >= leastWeight }
        let old = groups.elements
        for place in 0..<most { groups[place] = -1 }
        var taken = Set<Int64>()
        var rest: [[Int]] = []
        for members in connected(places) {
            let number = members.lazy.map { old[$0] }.first { $0 >= 0 && !taken.contains($0) }
            guard let number else {
                rest.append(members)
                continue
            }
            taken.insert(number)
            for member in members { groups[member] = number }
        }
        var next: Int64 = 0
        for members in rest {
            while taken.contains(next) { next += 1 }
            taken.insert(next)
            for member in members { groups[member] = next }
        }
    }

    /// Connected micro-clusters, those of the oldest first.
    private func connected(_ places: [Int]) -> [[Int]] {
        let least = clusters.leastShared(share)
        var found: [[Int]] = []
        var isFound = Array(repeating: false, count: most)
        for place in places where !isFound[place] {
            var members = [place]
            isFound[place] = true
            var next = 0
            while next < members.count {
                let one = members[next]
                next += 1
                for other in places where !isFound[other] {
                    guard clusters.isConnected(one, other, share: share, leastShared: least) else { continue }
                    isFound[other] = true
                    members.append(other)
                }
            }
            found.append(members.sorted { clusters.numbers.base[$0] < clusters.numbers.base[$1] })
        }
        return found
    }
}

extension DBSTREAM {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "dbstream", "clusters of any shape and number: micro-clusters that share density; forgets",
            fields: [
                HyperparameterField(
                    "radius", .number(1e-9...1e9), default: "auto",
                    "of a micro-cluster; auto = half the square root of the number of fields"),
                HyperparameterField(
                    "fading", .number(1e-9...1), default: "0.01", "weights halve in 1 / fading records"),
                HyperparameterField(
                    "cleanup-interval", .integer(1...1_000_000), default: "100",
                    "records between removals of weak micro-clusters"),
                HyperparameterField(
                    "intersection", .number(0...1), default: "0.3", "share of density that connects two"),
                HyperparameterField("minimum-weight", .number(0...1e9), default: "1", "of micro-clusters that count"),
                HyperparameterField("most", .integer(2...2000), default: "200", "micro-clusters; the weakest goes"),
                HyperparameterField(
                    "recluster", .integer(1...1_000_000), default: "100", "records after which groups are found anew"),
            ]),
        tasks: [.clustering], input: .attributes(isScaled: true),
        presets: ["river": ["radius": "1", "cleanup-interval": "2"]]
    ) { fields, context throws(SettingError) in try DBSTREAM(fields, context) }
}

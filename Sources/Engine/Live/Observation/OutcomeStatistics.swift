import Records

/// What was predicted and what came, of the latest sampled records.
struct OutcomeStatistics {
    /// Samples kept, and samples of a batch once so many are there.
    static let capacity = 8192
    static let rowsPerBatch = 2
    private static let bins = 20

    /// Words of a sample: output, target, predicted class.
    static let width = 3

    /// Writes a row's outcome. Output: the value, of two classes the second one's probability, of more the largest.
    @inline(__always)
    static func write(
        _ place: UnsafeMutablePointer<UInt64>, _ row: Int, _ task: Task, _ features: FeatureBatch,
        _ predictions: PredictionBatch
    ) {
        let outputs = predictions.outputs(of: row)
        let index = Int(predictions.classes[row])
        let output = task == .multiclass ? ((0..<predictions.width).contains(index) ? outputs[index] : 0) : outputs[0]
        let class_ = features.classes[row]
        let target = task == .regression ? features.targets[row] : class_ < 0 ? .nan : Double(class_)
        place[0] = output.bitPattern
        place[1] = target.bitPattern
        place[2] = UInt64(truncatingIfNeeded: index)
    }

    private let task: Task
    private let outcomes: [(output: Double, target: Double, predicted: Int)]

    init(_ ring: SampleRing, _ task: Task) {
        self.task = task
        outcomes = (0..<ring.count).map { age in
            let sample = ring.sample(age)
            return (
                Double(bitPattern: sample[0]), Double(bitPattern: sample[1]), Int(truncatingIfNeeded: sample[2])
            )
        }.filter { $0.0.isFinite }
    }

    /// Targets and predictions of numbers share a range, so that they can be compared.
    private var range: (low: Double, high: Double)? {
        Distribution.range(of: outcomes.map(\.output) + outcomes.map(\.target).filter(\.isFinite))
    }

    var predictions: Distribution? {
        guard !outcomes.isEmpty else { return nil }
        guard task == .regression else {
            return Distribution(outcomes.lazy.map(\.output), low: 0, high: 1, bins: Self.bins)
        }
        guard let range else { return nil }
        return Distribution(outcomes.lazy.map(\.output), low: range.low, high: range.high, bins: Self.bins)
    }

    /// Of numbers.
    var targets: Distribution? {
        let known = outcomes.map(\.target).filter(\.isFinite)
        guard task == .regression, !known.isEmpty, let range else { return nil }
        return Distribution(known, low: range.low, high: range.high, bins: Self.bins)
    }

    /// Records of each class, in the classes' order.
    func targetCounts(classes: Int) -> [Int] {
        var counts = [Int](repeating: 0, count: classes)
        guard task != .regression else { return counts }
        for outcome in outcomes {
            guard let index = Int(exactly: outcome.target), counts.indices.contains(index) else { continue }
            counts[index] += 1
        }
        return counts
    }

    var calibration: [CalibrationBin] {
        guard task != .regression else { return [] }
        return CalibrationBin.curve(
            outcomes.lazy.filter { !$0.target.isNaN }.map { [task] outcome in
                let cameTrue = task == .binary ? outcome.target == 1 : outcome.target == Double(outcome.predicted)
                return (outcome.output, cameTrue)
            })
    }
}

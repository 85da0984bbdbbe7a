import Components
import Learners
import Records
import State

/// A seeded stream of rows, in memory.
struct MixtureStream {
    var rows: [[(slot: Int, x: Float)]] = []
    var targets: [Double] = []
    var weights: [Float] = []

    static let slotCount = 64

    /// Sparse rows over 64 slots; the target depends on them, with noise.
    static func random(
        seed: UInt64, count: Int, task: Task, classes: Int = 4, scale: Float = 1, weighted: Bool = false
    ) -> MixtureStream {
        let generator = RandomGenerator(seed: seed)
        var stream = MixtureStream()
        for _ in 0..<count {
            var row: [(slot: Int, x: Float)] = []
            var score = generator.nextUniform() - 0.5
            for _ in 0..<Int(generator.next() % 10) {
                let slot = Int(generator.next() % UInt64(slotCount))
                let x = Float(generator.nextUniform() * 4 - 2) * (slot % 2 == 0 ? scale : 1)
                row.append((slot, x))
                score += Double(x) * (Double(slot % 7) - 3) / 3 / Double(slot % 2 == 0 ? scale : 1)
            }
            stream.rows.append(row)
            switch task {
            case .binary: stream.targets.append(score > 0 ? 1 : 0)
            case .regression, .anomaly, .clustering, .bandit: stream.targets.append(score * 7 + 100)
            case .multiclass: stream.targets.append(Double(max(0, min(classes - 1, Int(score + 2)))))
            }
            stream.weights.append(weighted ? Float(generator.next() % 5) * 0.75 : 1)
        }
        return stream
    }

    /// Rows `range` as a batch; a target of NaN is unknown.
    func batch(_ range: Range<Int>, learning: [[Float]]? = nil) -> FeatureBatch {
        let batch = FeatureBatch(capacity: max(range.count, 1), featuresPerRow: 2)
        var end = 0
        for (row, index) in range.enumerated() {
            batch.reserveFeatures(end + rows[index].count, keeping: end)
            if learning != nil { batch.allocateLearningValues() }
            for (k, (slot, x)) in rows[index].enumerated() {
                batch.indices[end] = UInt32(slot)
                batch.values[end] = x
                if let learning { batch.learningValues?[end] = learning[index][k] }
                end += 1
            }
            batch.offsets[row + 1] = end
            batch.targets[row] = targets[index]
            batch.classes[row] = targets[index].isNaN ? -1 : Int32(max(-1, min(1e6, targets[index])))
            batch.weights[row] = weights[index]
        }
        batch.rows = range.count
        return batch
    }

    var count: Int { rows.count }
}

func makeMixture(
    _ task: Task, _ given: [String: String] = [:], slotCount: Int = MixtureStream.slotCount,
    isFeatureNative: Bool = false, batchMode: BatchMode = .sequential
) throws -> any Learner {
    let parameters = try Hyperparameters(Linear.learner.descriptor, given: given)
    let context = LearnerContext(
        task: task, slotCount: slotCount, seed: 1, batchMode: batchMode, isFeatureNative: isFeatureNative)
    return try Linear.learner.make(parameters, context)
}

extension Learner {
    /// Runs a stream in batches; the outputs of each row.
    func run(_ stream: MixtureStream, batchSize: Int = 32, learns: Bool = true) -> [[Double]] {
        var outputs: [[Double]] = []
        let predictions = PredictionBatch(capacity: batchSize)
        var start = 0
        while start < stream.count {
            let batch = stream.batch(start..<min(start + batchSize, stream.count))
            if learns { predictThenLearn(batch, into: predictions) } else { predict(batch, into: predictions) }
            for row in 0..<batch.rows {
                outputs.append((0..<predictions.width).map { predictions.outputs[row * predictions.stride + $0] })
            }
            start += batch.rows
        }
        return outputs
    }

    /// Whether all floating-point numbers in the state are finite.
    var isFinite: Bool {
        state.allSatisfy { entry in
            let scalars = entry.array.count * entry.array.lanes
            switch entry.array.scalarType {
            case .float32:
                let base = entry.array.bytes.assumingMemoryBound(to: Float.self)
                return (0..<scalars).allSatisfy { base[$0].isFinite }
            case .float64:
                let base = entry.array.bytes.assumingMemoryBound(to: Double.self)
                return (0..<scalars).allSatisfy { base[$0].isFinite }
            default: return true
            }
        }
    }
}

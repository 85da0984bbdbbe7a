import Components
import Formats
import Foundation
import Records
import State

@testable import Learners

/// Vowpal Wabbit's text through a decoder and a learner, as the engine would do it.
struct VowpalRun {
    var learner: any Learner
    var outputs: [[Double]] = []
    var classes: [Int] = []
    var labels: [Double] = []
    var losses: [Double] = []
    var weights: [Double] = []
    var rejected: [RejectedRecord] = []

    /// The average of the losses, weighted.
    var averageLoss: Double {
        var sum = 0.0
        var total = 0.0
        for row in labels.indices where !labels[row].isNaN {
            sum += losses[row] * weights[row]
            total += weights[row]
        }
        return sum / total
    }
}

struct VowpalCase {
    var task = Records.Task.regression
    var parameters: [String: String] = ["optimizer": "vw"]
    var bits = 18
    var constant = true
    /// Classes of a multiclass task, the first of which is the label `firstLabel`.
    var classes = 0
    var firstLabel = 1
    var batch = 64

    func learner(slotCount: Int? = nil) throws -> any Learner {
        try Linear.learner.make(
            Hyperparameters(Linear.learner.descriptor, given: parameters),
            LearnerContext(
                task: task, slotCount: slotCount ?? 1 << bits, seed: 1, batchMode: .sequential,
                isFeatureNative: true))
    }

    func run(_ text: [UInt8]) throws -> VowpalRun {
        let decoder = VWTextDecoder(
            schema: Schema(fields: [], task: task, isFeatureNative: true),
            options: VWTextOptions(bits: bits, addsConstant: constant))
        let chunk = Chunk(capacity: text.count + 1)
        text.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        if text.last != 10 {
            chunk.base[chunk.count] = 10
            chunk.count += 1
        }
        chunk.sealPadding()
        var run = VowpalRun(learner: try learner())
        if task == .multiclass { run.learner.grow(toClasses: classes) }
        let records = RecordBatch(capacity: batch, numericCount: 0, categoricalCount: 0, isFeatureNative: true)
        let predictions = PredictionBatch(capacity: batch)
        var offset = 0
        while offset < chunk.count {
            records.recycle()
            offset = try decoder.decode(chunk, from: offset, isEnd: true, into: records)
            run.rejected += records.rejected
            guard let features = records.features else { continue }
            resolve(records, features)
            run.learner.predictThenLearn(features, into: predictions)
            collect(records, features, predictions, &run)
        }
        return run
    }

    private func resolve(_ records: RecordBatch, _ features: FeatureBatch) {
        for row in 0..<records.rows {
            let number = records.targetNumbers[row]
            features.targets[row] = number
            features.weights[row] = records.weights[row]
            let index =
                number.isNaN ? -1 : task == .multiclass ? Int(number) - firstLabel : number > 0 ? 1 : 0
            features.classes[row] = Int32(index)
        }
    }

    private func collect(
        _ records: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch, _ run: inout VowpalRun
    ) {
        for row in 0..<records.rows {
            let start = predictions.outputs + row * predictions.stride
            run.outputs.append((0..<predictions.width).map { start[$0] })
            run.classes.append(Int(predictions.classes[row]) + (task == .multiclass ? firstLabel : 0))
            run.labels.append(records.targetNumbers[row])
            run.losses.append(predictions.losses[row])
            run.weights.append(Double(records.weights[row]))
        }
    }
}

enum VowpalFiles {
    static let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    static let fixtures = tests.appendingPathComponent("Fixtures/Vowpal")
    /// Vowpal Wabbit's own test data, beside the package on the machines that have it.
    static let conformance = tests.appendingPathComponent("../../../shared/data/vw").standardized

    static func bytes(_ name: String, in folder: URL = fixtures) throws -> [UInt8] {
        Array(try Data(contentsOf: folder.appendingPathComponent(name)))
    }

    static var hasConformanceData: Bool {
        FileManager.default.fileExists(atPath: conformance.appendingPathComponent("0001.dat").path)
    }
}

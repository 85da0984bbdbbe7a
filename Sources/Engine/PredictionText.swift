import JSON
import Records

/// A prediction as JSON: id, prediction, probabilities or value, target if known, position, version.
struct PredictionText {
    private let task: Task
    private var classes: [String] = []
    private var names: [[UInt8]] = []
    private var actionStarts: [Int] = []
    var writer = JSONWriter()

    init(task: Task) { self.task = task }

    /// Call when the classes may have changed.
    mutating func setClasses(_ classes: [String]) {
        guard classes != self.classes else { return }
        self.classes = classes
        names = classes.map { name in
            var quoted = JSONWriter()
            quoted.write(name)
            return quoted.bytes
        }
    }

    /// The name in use for a class; nil: none.
    func name(of index: Int32) -> String? { classes.indices.contains(Int(index)) ? classes[Int(index)] : nil }

    /// Writes one object.
    ///
    /// - Parameters:
    ///   - known: classes that could be told apart when the row was predicted.
    ///   - partName: where the record came from; nil: from nowhere it could be found again, so no position is told.
    mutating func add(
        _ row: Int, _ batch: RecordBatch, _ features: FeatureBatch, _ predictions: PredictionBatch,
        known: Int, partName: String?, version: Int
    ) {
        let place = partName.map { "\($0):\(batch.positions[row].offset)" }
        writer.raw("{")
        if batch.ids[row].count > 0 {
            writer.raw("\"id\":")
            writer.write(batch.ids[row].buffer)
            writer.raw(",")
        } else if let place {
            writer.raw("\"id\":")
            writer.write(place)
            writer.raw(",")
        }
        writer.raw("\"prediction\":")
        writeOutputs(row, features, predictions, known)
        writeTarget(row, features)
        if let place {
            writer.raw(",\"position\":")
            writer.write(place)
        }
        writer.raw(",\"version\":")
        writer.write(version)
        writer.raw("}")
    }

    private mutating func writeOutputs(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, _ known: Int
    ) {
        let outputs = predictions.outputs + row * predictions.stride
        if task == .anomaly {
            writer.write(outputs[0])
            writer.raw(predictions.classes[row] == 1 ? ",\"anomaly\":true" : ",\"anomaly\":false")
        } else if task == .clustering {
            writer.write(Int(outputs[0]))
        } else if task == .bandit {
            writeDecision(outputs, features, row)
        } else if task == .regression {
            writer.write(outputs[0])
            writer.raw(",\"value\":")
            writer.write(outputs[0])
            writeForecast(outputs, predictions.width)
        } else {
            if known > 0 { writeClass(Int(predictions.classes[row])) } else { writer.raw("null") }
            writeProbabilities(outputs, min(predictions.width, known))
        }
    }

    /// The action taken, from 1, how likely it was, and what is expected of each.
    private mutating func writeDecision(_ outputs: UnsafePointer<Double>, _ features: FeatureBatch, _ row: Int) {
        guard let decision = DecisionRow(features, row, starts: &actionStarts), outputs[0] >= 1 else {
            writer.raw("null")
            return
        }
        let taken = min(Int(outputs[0]), decision.actionCount)
        writer.write(taken)
        writer.raw(",\"probability\":")
        writer.write(outputs[2 * taken - 1])
        for (name, first) in [("probabilities", 1), ("costs", 2)] {
            writer.raw(",")
            writer.write(name)
            writer.raw(":[")
            for action in 0..<decision.actionCount {
                if action > 0 { writer.raw(",") }
                writer.write(outputs[first + 2 * action])
            }
            writer.raw("]")
        }
    }

    /// This record's number and those expected after it, where there are some.
    private mutating func writeForecast(_ outputs: UnsafePointer<Double>, _ count: Int) {
        guard count > 1 else { return }
        writer.raw(",\"forecast\":[")
        for index in 0..<count {
            if index > 0 { writer.raw(",") }
            writer.write(outputs[index])
        }
        writer.raw("]")
    }

    private mutating func writeClass(_ index: Int) {
        if names.indices.contains(index) { writer.bytes.append(contentsOf: names[index]) } else { writer.raw("null") }
    }

    private mutating func writeProbabilities(_ outputs: UnsafePointer<Double>, _ width: Int) {
        writer.raw(",\"probabilities\":{")
        if task == .binary {
            writeClass(0)
            writer.raw(":")
            writer.write(1 - outputs[0])
            writer.raw(",")
            writeClass(1)
            writer.raw(":")
            writer.write(outputs[0])
        } else {
            for index in 0..<min(width, names.count) {
                if index > 0 { writer.raw(",") }
                writeClass(index)
                writer.raw(":")
                writer.write(outputs[index])
            }
        }
        writer.raw("}")
    }

    private mutating func writeTarget(_ row: Int, _ features: FeatureBatch) {
        if task == .regression || task == .bandit {
            guard !features.targets[row].isNaN else { return }
            writer.raw(",\"target\":")
            writer.write(features.targets[row])
        } else if features.classes[row] >= 0 {
            writer.raw(",\"target\":")
            writeClass(Int(features.classes[row]))
        }
    }
}

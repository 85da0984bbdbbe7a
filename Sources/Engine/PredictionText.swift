import JSON
import Records

/// A prediction as JSON: id, prediction, probabilities or value, target if known, position, version.
struct PredictionText {
    private let task: Task
    private var classes: [String] = []
    private var names: [[UInt8]] = []
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
        writeOutputs(row, predictions, known)
        writeTarget(row, features)
        if let place {
            writer.raw(",\"position\":")
            writer.write(place)
        }
        writer.raw(",\"version\":")
        writer.write(version)
        writer.raw("}")
    }

    private mutating func writeOutputs(_ row: Int, _ predictions: PredictionBatch, _ known: Int) {
        let outputs = predictions.outputs + row * predictions.stride
        if task == .anomaly {
            writer.write(outputs[0])
            writer.raw(predictions.classes[row] == 1 ? ",\"anomaly\":true" : ",\"anomaly\":false")
        } else if task == .clustering {
            writer.write(Int(outputs[0]))
        } else if task == .regression {
            writer.write(outputs[0])
            writer.raw(",\"value\":")
            writer.write(outputs[0])
            if predictions.width > 2 { writeInterval(outputs) }
        } else {
            if known > 0 { writeClass(Int(predictions.classes[row])) } else { writer.raw("null") }
            writeProbabilities(outputs, min(predictions.width, known))
        }
    }

    private mutating func writeInterval(_ outputs: UnsafePointer<Double>) {
        writer.raw(",\"lower\":")
        writer.write(outputs[1])
        writer.raw(",\"upper\":")
        writer.write(outputs[2])
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
        if task == .regression {
            guard !features.targets[row].isNaN else { return }
            writer.raw(",\"target\":")
            writer.write(features.targets[row])
        } else if features.classes[row] >= 0 {
            writer.raw(",\"target\":")
            writeClass(Int(features.classes[row]))
        }
    }
}

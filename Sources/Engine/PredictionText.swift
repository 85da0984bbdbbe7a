import JSON
import Learners
import Records

/// A prediction as JSON: id, prediction, probabilities or value, target if known, position, version.
struct PredictionText {
    private let task: Task
    private let layout: NumberLayout
    /// Levels of quantiles as JSON names.
    private let levels: [[UInt8]]
    /// Of several targets; none: there is one.
    private let outputs: [String]
    private var outputTexts: [[UInt8]] = []
    /// By output: names of the classes, and the same as JSON.
    private var outputClasses: [[String]] = []
    private var outputNames: [[[UInt8]]] = []
    private var classes: [String] = []
    private var names: [[UInt8]] = []
    private var actionStarts: [Int] = []
    var writer = JSONWriter()

    init(_ schema: Schema, _ layout: NumberLayout) {
        task = schema.task
        self.layout = layout
        levels = layout.quantiles.map { Self.quoted("\($0)") }
        outputs = schema.severalOutputNames
        outputTexts = outputs.map(Self.quoted)
    }

    private static func quoted(_ name: String) -> [UInt8] {
        var quoted = JSONWriter()
        quoted.write(name)
        return quoted.bytes
    }

    /// Call when the classes may have changed.
    mutating func setClasses(of pipeline: Pipeline) {
        let classes = pipeline.classNames
        if classes != self.classes {
            self.classes = classes
            names = classes.map(Self.quoted)
        }
        guard !outputs.isEmpty, outputClasses != pipeline.outputClassNames else { return }
        outputClasses = pipeline.outputClassNames
        outputNames = outputClasses.map { $0.map(Self.quoted) }
    }

    /// Whether the classes of a row's further targets have these names.
    func namesFurther(_ row: Int, _ features: FeatureBatch, _ names: [[String]]) -> Bool {
        (1..<max(outputClasses.count, 1)).allSatisfy { output in
            let target = features.furtherTargets[row * features.furtherTargetCount + output - 1]
            guard !target.isNaN, names.indices.contains(output) else { return true }
            let index = Int(target)
            return outputClasses[output].indices.contains(index) && names[output].indices.contains(index)
                && outputClasses[output][index] == names[output][index]
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
        if outputs.isEmpty {
            writeOutputs(row, features, predictions, known)
            writeTarget(row, features)
        } else {
            writeSeveral(row, features, predictions)
        }
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
            guard layout.width > 1 else { return writeForecast(outputs, predictions.width) }
            if layout.hasInterval { writeInterval(outputs) }
            if !levels.isEmpty { writeQuantiles(outputs + layout.firstQuantile) }
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

    private mutating func writeInterval(_ outputs: UnsafePointer<Double>) {
        writer.raw(",\"lower\":")
        writer.write(outputs[1])
        writer.raw(",\"upper\":")
        writer.write(outputs[2])
    }

    private mutating func writeQuantiles(_ quantiles: UnsafePointer<Double>) {
        writer.raw(",\"quantiles\":{")
        for (index, level) in levels.enumerated() {
            if index > 0 { writer.raw(",") }
            writer.bytes.append(contentsOf: level)
            writer.raw(":")
            writer.write(quantiles[index])
        }
        writer.raw("}")
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

extension PredictionText {
    // MARK: Several targets

    /// One member an output: predictions, probabilities or interval, and the targets that are known.
    private mutating func writeSeveral(
        _ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch
    ) {
        let answers = predictions.outputs(of: row)
        let width = MultiOutputLearner.width
        let isRegression = task == .regression
        each { text, output in
            if isRegression {
                text.writer.write(answers[output * width])
            } else {
                text.writeClass(Int(answers[output * width + 1]), of: output)
            }
        }
        if !isRegression {
            writer.raw(",\"probabilities\":")
            each { text, output in text.writePair(answers[output * width], of: output) }
        }
        if isRegression, layout.hasInterval {
            writer.raw(",\"lower\":")
            each { text, output in text.writer.write(answers[output * width + 1]) }
            writer.raw(",\"upper\":")
            each { text, output in text.writer.write(answers[output * width + 2]) }
        }
        writeTargets(row, features)
    }

    private mutating func each(_ write: (inout PredictionText, _ output: Int) -> Void) {
        for output in outputs.indices {
            writer.raw(output == 0 ? "{" : ",")
            writer.bytes.append(contentsOf: outputTexts[output])
            writer.raw(":")
            write(&self, output)
        }
        writer.raw("}")
    }

    private mutating func writeClass(_ index: Int, of output: Int) {
        if outputNames.indices.contains(output), outputNames[output].indices.contains(index) {
            writer.bytes.append(contentsOf: outputNames[output][index])
        } else {
            writer.raw("null")
        }
    }

    private mutating func writePair(_ probability: Double, of output: Int) {
        writer.raw("{")
        writeClass(0, of: output)
        writer.raw(":")
        writer.write(1 - probability)
        writer.raw(",")
        writeClass(1, of: output)
        writer.raw(":")
        writer.write(probability)
        writer.raw("}")
    }

    private mutating func writeTargets(_ row: Int, _ features: FeatureBatch) {
        var hasOne = false
        let count = features.furtherTargetCount
        for output in outputs.indices {
            var target = Double.nan
            if output == 0 {
                let index = features.classes[row]
                target = task == .regression ? features.targets[row] : index < 0 ? .nan : Double(index)
            } else if output <= count {
                target = features.furtherTargets[row * count + output - 1]
            }
            guard !target.isNaN else { continue }
            writer.raw(hasOne ? "," : ",\"target\":{")
            hasOne = true
            writer.bytes.append(contentsOf: outputTexts[output])
            writer.raw(":")
            if task == .regression { writer.write(target) } else { writeClass(Int(target), of: output) }
        }
        if hasOne { writer.raw("}") }
    }
}

import Components
import Formats
import Records

extension Configuration {
    /// What a preset changes about roles and classes.
    func applyPreset(to options: inout SchemaOptions) {
        // A learner of one task says what the task is.
        let tasks = (try? LearnerRegistry.find(learner.name))?.tasks ?? []
        if options.task == nil, tasks.count == 1 { options.task = tasks[0] }
        if usesAttributes { options.infersCategoriesFromNumbers = false }
        guard preset != .thalweg else { return }
        options.infersCategoriesFromNumbers = false
        if preset == .moa { options.declaresClasses = true }
        if preset == .vw {
            options.declaresClasses = true
            if options.task == nil { options.task = vwTask }
        }
    }

    /// Vowpal Wabbit's task follows from its flags, not from the data.
    private var vwTask: Task? {
        switch learner.fields["loss"] ?? "squared" {
        case "logistic", "hinge": .binary
        default: learner.fields["multiclass"] != nil ? .multiclass : .regression
        }
    }

    /// Vowpal Wabbit takes the number in its text format as it stands: labels other than -1 and 1 are no classes.
    func applyPreset(to schema: inout Schema, _ sample: Sample) {
        guard preset == .vw, schema.isFeatureNative, schema.task == .binary, self.schema.task == nil else { return }
        let labels = (sample.values["label"] ?? []).filter { $0 != .missing }
        guard labels.allSatisfy({ $0 == .number(1) || $0 == .number(-1) }) else {
            schema.task = .regression
            schema.classes = []
            return
        }
        schema.classes = ["-1", "1"]
    }

    var decoderOptions: DecoderOptions {
        var options = DecoderOptions()
        options.bits = bits
        options.usesVWHashes = preset == .vw
        options.addsConstant = preset == .vw
        options.keepsNamespaceSpans = !crosses.isEmpty
        options.csv = csv
        options.maximumRecordBytes = maximumRecordBytes
        options.schemas = schemas
        return options
    }
}

extension SchemaOptions {
    /// Every field that an option names must be there. Checked only once there are records to look at.
    func checkNames(_ sample: Sample) throws(FormatError) {
        let named: [(option: String, names: [String])] = [
            ("target", targets), ("id", [id].compactMap { $0 }),
            ("weight", [weight].compactMap { $0 }),
            ("time", [time].compactMap { $0 }), ("ignore", ignored), ("numeric", numeric),
            ("categorical", categorical), ("text", text),
        ]
        guard sample.records > 0, !sample.names.isEmpty else { return }
        for (option, names) in named {
            for name in names where !sample.names.contains(name) {
                throw FormatError(
                    "--\(option): there is no field '\(name)' in the first \(sample.records) records"
                        + didYouMean(name, sample.names))
            }
        }
    }
}

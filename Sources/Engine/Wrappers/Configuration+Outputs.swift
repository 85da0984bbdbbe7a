import Components
import Formats
import Learners
import Records

extension Configuration {
    /// Refuses what several targets do not go with, before any data is read.
    public func checkOutputs() throws(SettingError) {
        let names = schema.targets
        guard names.count > 1 else {
            guard multiOutput == nil else {
                throw SettingError("--multi-output is for several targets: --target a,b,c")
            }
            return
        }
        if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
            throw SettingError("--target names '\(twice)' twice")
        }
        func refuse(_ option: String, _ why: String) throws(SettingError) {
            throw SettingError(
                "\(option) and several targets (--target \(names.joined(separator: ","))) exclude each "
                    + "other: \(why)")
        }
        if delay != nil {
            try refuse(
                "--targets or --delay", "a target that comes later is joined with one record's one")
        }
        if detector != nil { try refuse("--detector", "it watches the errors of one output") }
        if wrappers.intervals?.quantiles.isEmpty == false {
            try refuse("--quantiles", "they are of one output; --intervals goes around each")
        }
        if preset == .vw { try refuse("--preset vw", "its records have one label") }
        if schema.positive != nil { try refuse("--positive", "each target has classes of its own") }
        if let task = schema.task, task != .binary, task != .regression {
            try refuse(
                "--task \(task.rawValue)",
                "they are all numbers (regression), or all of two classes (binary)")
        }
    }

    /// Makes the further targets outputs of their own.
    func addOutputs(to schema: inout Schema, _ sample: Sample, _ options: SchemaOptions) throws {
        guard self.schema.targets.count > 1 else { return }
        guard !schema.isFeatureNative else {
            throw SettingError(
                "several targets need records with named fields; these bring their own features")
        }
        for name in self.schema.furtherTargets {
            var own = options
            own.target = name
            let found = try SchemaInference.infer(sample, own)
            guard found.task == schema.task, [.binary, .regression].contains(found.task) else {
                let first = self.schema.target ?? ""
                throw SettingError(
                    "several targets are all numbers, or all of two classes; '\(first)' looks like "
                        + "\(schema.task.rawValue), '\(name)' like \(found.task.rawValue). Say --task regression or "
                        + "--task binary, or leave one of them out")
            }
            schema.furtherOutputs.append(OutputField(name, classes: found.classes))
            for index in schema.fields.indices where schema.fields[index].name == name {
                schema.fields[index].role = .raw
            }
        }
    }
}

import Connectors
import Formats
import Records

/// The input of targets: what is known of them before the first record is predicted.
extension Run {
    /// The task follows from the targets, which the input's records need not have. Reads the first of them, unless the
    /// task was told: then nobody has to wait for a target before the first prediction.
    func addTargets(to sample: inout Sample, _ schema: inout SchemaOptions) throws {
        guard let delay = configuration.delay, delay.withheld == nil else { return }
        let isFeature = [schema.categorical, schema.numeric, schema.text, schema.ignored].joined().contains("id")
        if schema.id == nil, !sample.names.contains("_id"), sample.names.contains("id"), !isFeature { schema.id = "id" }
        guard let lane = targetsLane else { return }
        guard let target = schema.target else {
            throw EngineError("--targets needs --target FIELD: the field that holds the target", .usage)
        }
        guard schema.id != nil || sample.names.contains("_id") || sample.names.contains("_tag") else {
            throw EngineError(
                "--targets joins records and targets by id: say which field names a record, --id FIELD", .usage)
        }
        if sample.values[target] == nil {
            sample.names.append(target)
            sample.values[target] = []
        }
        guard schema.task == nil || options.joinsInTurns else { return }
        if !options.joinsInTurns {
            options.warn(
                "the task follows from the first targets: nothing is predicted before they come (or say --task)")
        }
        guard try lane.reader.open(at: lane.positions, format: nil) else { return }
        try check(lane)
        let targets = try lane.reader.sample()
        guard let values = targets.values[target] else {
            guard targets.records > 0 else { return }
            throw EngineError(
                "--targets: there is no field '\(target)' in the first \(targets.records) of them", .usage)
        }
        sample.values[target] = values
    }

    /// Makes the decoder of targets, and opens their source where that has not been done.
    func prepareTargets(_ schema: Schema) throws {
        guard let lane = targetsLane else { return }
        let options = configuration.decoderOptions
        if lane.reader.format == nil, self.options.joinsInTurns {
            _ = try lane.reader.open(at: lane.positions, format: nil)
        }
        if lane.reader.format != nil {
            try check(lane)
            return try lane.reader.makeDecoder(schema: schema.ofTargets, options: options)
        }
        let positions = lane.positions
        nonisolated(unsafe) let unsafeLane = lane
        lane.openLater = {
            guard try unsafeLane.reader.open(at: positions, format: nil) else { return false }
            try Self.check(unsafeLane)
            try unsafeLane.reader.makeDecoder(schema: schema.ofTargets, options: options)
            return true
        }
    }

    private func check(_ lane: Lane) throws { try Self.check(lane) }

    private static func check(_ lane: Lane) throws {
        guard let format = lane.reader.format, format.isFeatureNative else { return }
        throw EngineError(
            "--targets are records with an id and a target: JSON, CSV or ARFF, not \(format.name)", .usage)
    }
}

import Records

extension Run {
    /// Tells what changed against the schema.
    func noteSchema(_ records: RecordBatch, _ pipeline: Pipeline) throws(EngineError) {
        guard options.learns, let monitor = pipeline.schemaMonitor else { return }
        let changes = monitor.note(records)
        guard !changes.isEmpty else { return }
        let counts = monitor.counts
        options.live?.note { $0.schemaChanges = counts }
        for change in changes {
            switch configuration.schemaDrift.action(change.kind) {
            case .ignore: break
            case .warn: options.warn("schema: \(change.text)")
            case .stop: throw EngineError("schema: \(change.text). The run ends, as --on-schema-drift asks")
            }
        }
    }
}

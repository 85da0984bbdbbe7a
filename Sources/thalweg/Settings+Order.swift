import Engine

/// Records in the order of their times.
extension Settings {
    /// Nil: records are taken as they come.
    func orderOptions(_ configuration: Configuration) throws -> OrderOptions? {
        guard isGiven("lateness") else {
            for name in ["late", "max-reordered"] where isGiven(name) {
                throw UsageError("--\(name) is for records put in order: it needs --lateness, such as 10m")
            }
            return nil
        }
        guard case .seconds(let seconds) = try span("lateness") else {
            throw UsageError("--lateness is '\(text("lateness") ?? "")'; it takes a time such as 30s, 10m or 1d")
        }
        guard configuration.schema.time != nil else {
            throw UsageError("--lateness puts records in the order of their time: say which field has it, --time FIELD")
        }
        guard configuration.batchMode == .sequential else {
            throw UsageError(
                "--lateness and --batch-mode mean exclude each other: which records share a step would vary")
        }
        guard !isGiven("targets") else {
            throw UsageError("--lateness and --targets exclude each other: targets are joined in the order of arrival")
        }
        var options = OrderOptions(lateness: seconds)
        options.late = try choice("late", OrderOptions.LatePolicy.self)
        options.maximumRecords = try integer("max-reordered", in: 1...100_000_000)
        return options
    }
}

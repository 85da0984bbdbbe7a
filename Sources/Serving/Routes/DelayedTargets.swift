import Engine
import Glibc
import Hummingbird
import JSON
import Records

/// Records that are predicted first and learned when their target comes.
extension ServiceState {
    /// Hands predicted records over to the learning thread, which keeps them until their target comes; before anybody is
    /// told of the predictions, so that no target can be earlier.
    func keep(_ records: [UInt8]) {
        guard let inbox, !records.isEmpty else { return }
        let isKept = records.withUnsafeBytes { bytes -> Bool in
            let lines = bytes.split(separator: 10).map { UnsafeRawBufferPointer(rebasing: $0) }
            do throws(InboxError) { _ = try inbox.submit(lines) } catch { return false }
            return true
        }
        if !isKept { registry.countUnkept(records.count { $0 == 10 }) }
    }

    /// Records with their fields at the top, where they came as chantilly takes them, `{"id","features":{...}}`.
    func unfolded(_ lines: RecordLines) throws -> RecordLines {
        guard let shapes = try shapes() else { return lines }
        return lines.mapped(options.maximumFields) { line in
            line.hasMember("features") ? shapes.unfolded(line) : nil
        }
    }

    /// What is to be learned, in the shapes the learning thread knows: whole records as they are, and targets of records
    /// that were predicted before marked as such.
    func joinable(_ lines: RecordLines) throws -> RecordLines {
        let shapes = try live.info == nil ? DelayedShapes(target: options.target) : shapes()
        try lines.checkNoMarks()
        guard let shapes else { return lines }
        return lines.mapped(options.maximumFields) { line in
            if line.hasMember("features") { return shapes.unfolded(line) }
            return shapes.hasModel && line.count { $0 == UInt8(ascii: ",") } <= 3 ? shapes.target(line) : nil
        }
    }

    /// Nil: records are no JSON.
    private func shapes() throws -> DelayedShapes? {
        try pool.use { $0.takesFeatures ? nil : DelayedShapes($0.schema) }
    }

    func addTargets(_ targets: TargetStatus, to text: inout PrometheusText) {
        text.single(
            "targets_pending", "gauge", "Predicted records that wait for their target.", Double(targets[.pending]))
        text.single("targets_early", "gauge", "Targets that wait for their record.", Double(targets[.early]))
        text.single(
            "targets_joined_total", "counter", "Records learned when their target came.", Double(targets[.joined]))
        text.single("targets_expired_total", "counter", "Records whose time was over.", Double(targets[.expired]))
        text.single(
            "targets_defaulted_total", "counter", "Those of them that learned the default.",
            Double(targets[.defaulted]))
        text.single(
            "targets_evicted_total", "counter", "Records that left because there was no room.",
            Double(targets[.evicted]))
        text.single(
            "targets_unmatched_total", "counter", "Targets that found no record.", Double(targets.unmatched))
        text.single("targets_duplicate_total", "counter", "Targets that came again.", Double(targets[.duplicates]))
        text.single(
            "targets_correction_total", "counter", "Targets that came again with another value.",
            Double(targets[.corrections]))
        text.single(
            "targets_overwritten_total", "counter", "Records predicted again under the same id.",
            Double(targets[.overwritten]))
        text.single(
            "targets_unkept_total", "counter", "Predicted records that could not be handed over.",
            Double(registry.current.unkept))
        let lag = targets.lagSeconds
        text.family("target_lag_seconds", "summary", "From a prediction to its target.")
        text.sample("target_lag_seconds_sum", lag.sum)
        text.sample("target_lag_seconds_count", Double(lag.count))
    }
}

/// Recognises requests about records that are predicted first and learned later.
struct DelayedShapes {
    private static let targetNames = ["target", "ground_truth"]
    private let id: String
    private let target: String?
    private let time: String?
    /// Fields of the model, none before there is one.
    private let names: Set<String>
    let hasModel: Bool

    /// Before there is a model.
    init(target: String?) {
        id = "id"
        self.target = target
        time = nil
        names = []
        hasModel = false
    }

    init(_ schema: Schema) {
        id = schema.fields(.id).first?.name ?? "id"
        target = schema.fields(.target).first?.name
        time = schema.fields(.time).first?.name
        names = Set(schema.fields.filter { $0.role != .id && $0.role != .ignored }.map(\.name))
        // Several targets come with their records.
        hasModel = schema.furtherOutputs.isEmpty
    }

    /// `{"id","features":{...},"ground_truth"}` with the features at the top; nil: it is something else.
    func unfolded(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard let members = (try? JSONParser().value(line))?.members,
            let features = members.first(where: { $0.0 == "features" })?.1.members,
            !names.contains(where: { $0 == "features" || $0.hasPrefix("features.") }),
            members.allSatisfy({ ["id", "_id", id, "features", "model", target].contains($0.0) || isTargetName($0.0) })
        else { return nil }
        let outside = members.compactMap { name, value in rename(name).map { ($0, value) } }
        let inside = features.filter { feature in !outside.contains { $0.0 == feature.0 } }
        return bytes(outside + inside)
    }

    /// `{"id", target}` as the learning thread takes it; nil: it is something else.
    func target(_ line: ArraySlice<UInt8>) -> [UInt8]? {
        guard let members = (try? JSONParser().value(line))?.members, members.count >= 2, let target else { return nil }
        let renamed = members.map { (rename($0.0) ?? $0.0, $0.1) }
        guard renamed.allSatisfy({ [id, target, time].contains($0.0) }),
            renamed.contains(where: { $0.0 == id }), renamed.contains(where: { $0.0 == target })
        else { return nil }
        return bytes([("_target", 1)] + renamed)
    }

    /// The model's name for what has a name of its own in requests; nil: it is of no use.
    private func rename(_ name: String) -> String? {
        if name == "features" || name == "model" && !names.contains(name) { return nil }
        if ["id", "_id"].contains(name), !names.contains(name) { return id }
        if isTargetName(name) { return target }
        return name
    }

    private func isTargetName(_ name: String) -> Bool { Self.targetNames.contains(name) && !names.contains(name) }

    private func bytes(_ members: [(String, JSONValue)]) -> [UInt8] {
        var writer = JSONWriter()
        writer.write(.object(members))
        return writer.bytes
    }
}

extension RecordLines {
    /// The same records, but for those that `change` puts in another way.
    func mapped(_ maximumFields: Int, _ change: (ArraySlice<UInt8>) -> [UInt8]?) -> RecordLines {
        var changed: [Int: [UInt8]] = [:]
        for index in starts.indices {
            if let line = change(line(index)) { changed[index] = line }
        }
        guard !changed.isEmpty else { return self }
        var all: [UInt8] = []
        all.reserveCapacity(bytes.count)
        for index in starts.indices {
            all += changed[index].map { $0[...] } ?? line(index)
            all.append(10)
        }
        var lines = RecordLines(maximumFields: maximumFields)
        _ = all.withUnsafeBytes { lines.addLines($0, isEnd: true) }
        return lines
    }

    /// A record without its line end.
    private func line(_ index: Int) -> ArraySlice<UInt8> {
        bytes[starts[index]..<(index + 1 < starts.count ? starts[index + 1] : bytes.count) - 1]
    }

    /// The names that the service puts into lines itself are nobody else's.
    func checkNoMarks() throws(Failure) {
        for index in starts.indices {
            let line = line(index)
            guard line.starts(with: "{\"_served\":".utf8) || line.starts(with: "{\"_target\":".utf8) else { continue }
            throw .badRequest("record \(index): '_served' and '_target' are the service's own", record: index)
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether an object may have a member of that name, at a glance.
    func hasMember(_ name: String) -> Bool {
        let quoted = Array("\"\(name)\"".utf8)
        return withUnsafeBytes { line in
            guard var at = line.baseAddress else { return false }
            let end = at + line.count
            while end - at >= quoted.count, let quote = memchr(at, 0x22, end - at) {
                if end - UnsafeRawPointer(quote) < quoted.count { return false }
                if memcmp(quote, quoted, quoted.count) == 0 { return true }
                at = UnsafeRawPointer(quote) + 1
            }
            return false
        }
    }
}

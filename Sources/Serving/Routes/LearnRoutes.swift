import Engine
import Hummingbird
import JSON
import NIOCore

/// What was taken in.
struct Accepted {
    let records: Int
    let offset: Int
    /// The version that has it where that was waited for; else the current one.
    let version: Int
    let isApplied: Bool
    /// Targets that found no record, as far as that was waited for.
    var unmatched = 0
}

extension ServiceState {
    func addLearnRoutes(to table: RouteTable) {
        table.post("/learn", role: .learn) { [self] request, _ in
            let waits = try waitsForApplication(request)
            let format = try RecordFormat(request)
            guard inbox != nil else { throw readOnly }
            if live.info != nil { try check(format) }
            let body = try await body(of: request)
            let lines = try body.withUnsafeReadableBytes { bytes throws(Failure) in
                if format == .json { return try RecordLines(json: bytes, maximumFields: options.maximumFields) }
                var lines = RecordLines(maximumFields: options.maximumFields)
                _ = lines.addLines(bytes, isEnd: true)
                return lines
            }
            let accepted = try await learn(lines, format, waits: waits)
            var members: [(String, JSONValue)] = [
                ("accepted", JSONValue(accepted.records)), ("offset", JSONValue(accepted.offset)),
                ("version", JSONValue(accepted.version)),
            ]
            if accepted.unmatched > 0 { members.append(("unmatched", JSONValue(accepted.unmatched))) }
            return .json(.object(members), status: accepted.isApplied ? .ok : .accepted)
        }
    }

    var readOnly: Failure { Failure(.forbidden, "this service is read-only: nothing is learned over HTTP") }

    /// Whether the answer waits until the records count in a published version.
    func waitsForApplication(_ request: Request) throws(Failure) -> Bool {
        switch request.uri.queryParameters["ack"].map({ String($0) }) {
        case nil, "accepted": return false
        case "applied": return true
        case let other?: throw .badRequest("ack is '\(other.prefix(32))'; it takes accepted or applied")
        }
    }

    /// Checks all records, then hands them in: either all are learned or none.
    func learn(_ given: RecordLines, _ format: RecordFormat, waits: Bool) async throws -> Accepted {
        guard let inbox else { throw readOnly }
        let lines = format == .native ? given : try joinable(given)
        guard lines.count > 0 else {
            return Accepted(records: 0, offset: 0, version: live.info?.version ?? 0, isApplied: waits)
        }
        for slice in lines.slices(of: Self.sliceBytes) {
            do { try checkSlice(lines.bytes[slice.bytes], format) } catch let error as RecordError {
                registry.countRefused(1)
                let index = slice.first + error.index
                throw Failure.badRequest("record \(index): \(error.description)", record: index)
            }
            await pause()
        }
        let offsets = try submit(lines, to: inbox)
        registry.countAccepted(lines.count)
        guard waits else {
            return Accepted(
                records: lines.count, offset: offsets.lowerBound, version: live.info?.version ?? 0, isApplied: false)
        }
        let applied = await live.applied(
            RecordInbox.partName, offset: offsets.upperBound - 1, seconds: options.ackSeconds)
        guard let applied else {
            throw Failure(
                .gatewayTimeout,
                "accepted from offset \(offsets.lowerBound) on, but not applied within \(options.ackSeconds) s")
        }
        let unmatched = live.unmatched(in: offsets)
        if unmatched == lines.count {
            throw Failure(
                .notFound,
                "no record waits for its target under that id: nobody predicted it, or its target has come, "
                    + "or its time is over")
        }
        return Accepted(
            records: lines.count, offset: offsets.lowerBound, version: applied, isApplied: true, unmatched: unmatched)
    }

    private func submit(_ lines: RecordLines, to inbox: RecordInbox) throws(Failure) -> Range<Int> {
        let outcome: Result<Range<Int>, InboxError> = lines.withRecords { records in
            do throws(InboxError) { return .success(try inbox.submit(records)) } catch { return .failure(error) }
        }
        do throws(InboxError) { return try outcome.get() } catch {
            switch error {
            case .closed: throw .unavailable("stopping")
            case .starting: throw .unavailable("starting")
            case .full:
                var failure = Failure(.tooManyRequests, "more records wait to be learned than fit")
                failure.headers[.retryAfter] = "1"
                throw failure
            }
        }
    }

    private func checkSlice(_ bytes: ArraySlice<UInt8>, _ format: RecordFormat) throws {
        guard live.info != nil else {
            if format != .native { try checkWithoutModel(bytes) }
            return
        }
        try pool.use { predictor in try bytes.withUnsafeBytes { try predictor.check($0) } }
    }

    /// All that can be said of records before anything is known of their fields.
    private func checkWithoutModel(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        let parser = JSONParser()
        for (index, line) in bytes.split(separator: 10).enumerated() {
            let value: JSONValue
            do throws(JSONError) { value = try parser.value(line) } catch {
                throw .badRequest("record \(index): \(error.description)", record: index)
            }
            guard value.members != nil else {
                throw .badRequest("record \(index) is no JSON object", record: index)
            }
            guard let target = options.target, !target.contains(".") else { continue }
            guard let given = value[target], given != .null else {
                throw .badRequest(
                    "record \(index): '\(target)' is missing: a record without its target teaches nothing",
                    record: index)
            }
        }
    }
}

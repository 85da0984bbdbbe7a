import Engine
import Hummingbird
import JSON
import NIOCore

/// What an answer to `learn` says of the records.
enum Acknowledgement: String, CaseIterable {
    /// They are taken in.
    case accepted
    /// A published version has them.
    case applied
    /// They are on disk, and a published version has them.
    case durable

    init(_ request: Request) throws(Failure) {
        guard let text = request.uri.queryParameters["ack"].map({ String($0) }) else {
            self = .accepted
            return
        }
        guard let found = Self(rawValue: text) else {
            throw .badRequest("ack is '\(text.prefix(32))'; it takes accepted, applied or durable")
        }
        self = found
    }
}

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
            let acknowledgement = try Acknowledgement(request)
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
            let accepted = try await learn(lines, format, acknowledgement)
            var members: [(String, JSONValue)] = [
                ("accepted", JSONValue(accepted.records)), ("offset", JSONValue(accepted.offset)),
                ("version", JSONValue(accepted.version)),
            ]
            if accepted.unmatched > 0 { members.append(("unmatched", JSONValue(accepted.unmatched))) }
            return .json(.object(members), status: accepted.isApplied ? .ok : .accepted)
        }
    }

    var readOnly: Failure { Failure(.forbidden, "this service is read-only: nothing is learned over HTTP") }

    /// Checks all records, then hands them in: either all are learned or none.
    func learn(_ given: RecordLines, _ format: RecordFormat, _ acknowledgement: Acknowledgement) async throws
        -> Accepted
    {
        guard let inbox else { throw readOnly }
        if acknowledgement == .durable, !inbox.isReplayable {
            throw Failure.badRequest(
                "ack=durable needs a journal, which is kept beside snapshots: start with --snapshots DIRECTORY")
        }
        let current = live.info?.version ?? 0
        let lines = format == .native ? given : try joinable(given)
        guard lines.count > 0 else {
            return Accepted(records: 0, offset: 0, version: current, isApplied: acknowledgement != .accepted)
        }
        for slice in lines.slices(of: Self.sliceBytes) {
            do { try checkSlice(lines.bytes[slice.bytes], format) } catch let error as RecordError {
                registry.countRefused(1)
                let index = slice.first + error.index
                throw Failure.badRequest("record \(index): \(error.description)", record: index)
            }
            await pause()
        }
        let offsets = try await submit(lines, to: inbox, waitsForDisk: acknowledgement == .durable)
        registry.countAccepted(lines.count)
        var applied: Int?
        if acknowledgement != .accepted {
            applied = await live.applied(
                RecordInbox.partName, offset: offsets.upperBound - 1, seconds: options.ackSeconds)
        }
        if acknowledgement == .applied, applied == nil {
            throw Failure(
                .gatewayTimeout,
                "accepted from offset \(offsets.lowerBound) on, but not applied within \(options.ackSeconds) s")
        }
        let unmatched = applied == nil ? 0 : live.unmatched(in: offsets)
        if unmatched == lines.count {
            throw Failure(
                .notFound,
                "no record waits for its target under that id: nobody predicted it, or its target has come, "
                    + "or its time is over")
        }
        // What is on disk is kept, however far learning is behind.
        return Accepted(
            records: lines.count, offset: offsets.lowerBound, version: applied ?? live.info?.version ?? 0,
            isApplied: applied != nil, unmatched: unmatched)
    }

    private func submit(
        _ lines: RecordLines, to inbox: RecordInbox, waitsForDisk: Bool
    ) async throws -> Range<Int> {
        let outcome: Result<Range<Int>, InboxError>
        if waitsForDisk {
            outcome = await withCheckedContinuation { continuation in
                let refusal = Self.submit(lines, to: inbox) { continuation.resume(returning: $0) }.refusal
                if let refusal { continuation.resume(returning: .failure(refusal)) }
            }
        } else {
            outcome = Self.submit(lines, to: inbox, acknowledgement: nil)
        }
        do throws(InboxError) { return try outcome.get() } catch { throw Self.failure(error) }
    }

    private static func submit(
        _ lines: RecordLines, to inbox: RecordInbox, acknowledgement: RecordInbox.Acknowledgement?
    ) -> Result<Range<Int>, InboxError> {
        lines.withRecords { records in
            do throws(InboxError) {
                return .success(try inbox.submit(records, acknowledgement: acknowledgement))
            } catch { return .failure(error) }
        }
    }

    private static func failure(_ error: InboxError) -> Failure {
        switch error {
        case .closed: return .unavailable("stopping")
        case .starting: return .unavailable("starting")
        case .noJournal: return .badRequest("ack=durable needs --snapshots DIRECTORY")
        // The reason names files; it is in the log.
        case .notWritten(_, isFull: true):
            return Failure(
                .init(code: 507, reasonPhrase: "Insufficient Storage"),
                "there is no room for the journal: nothing was taken in")
        case .notWritten: return .unavailable("the journal cannot be written: nothing was taken in")
        case .full:
            var failure = Failure(.tooManyRequests, "more records wait to be learned than fit")
            failure.headers[.retryAfter] = "1"
            return failure
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

extension Result {
    fileprivate var refusal: Failure? {
        if case .failure(let error) = self { error } else { nil }
    }
}

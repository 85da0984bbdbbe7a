import Engine
import Hummingbird
import NIOCore

/// How a body holds records.
enum RecordFormat {
    /// One object or an array of them.
    case json
    /// One object a line.
    case lines
    /// The run's own lines, where records bring their features (VW text).
    case native

    init(_ request: Request) throws(Failure) {
        let type = request.headers[.contentType] ?? "application/json"
        if type == "application/json" {
            self = .json
            return
        }
        switch type.prefix(while: { $0 != ";" }).lowercased().filter({ $0 != " " }) {
        // The second is what curl -d says.
        case "application/json", "application/x-www-form-urlencoded": self = .json
        case "application/x-ndjson", "application/jsonl", "application/x-jsonlines", "application/jsonlines":
            self = .lines
        case "text/plain": self = .native
        default: throw Failure(.unsupportedMediaType, "want application/json or application/x-ndjson")
        }
    }
}

extension ServiceState {
    /// Bytes of records that are worked on in one go, so that other requests get their turn.
    static var sliceBytes: Int { 256 << 10 }

    func addPredictRoutes(to table: RouteTable) {
        table.post("/predict") { [self] request, _ in
            let format = try RecordFormat(request)
            try check(format)
            if format != .json { return predictStream(request) }
            let start = monotonicNanoseconds()
            let body = try await body(of: request)
            let lines = try body.withUnsafeReadableBytes { bytes throws(Failure) in
                try RecordLines(json: bytes, maximumFields: options.maximumFields)
            }
            var output = try await predict(unfolded(lines))
            registry.countPredictions(lines.count, seconds(since: start))
            if lines.isSingle {
                output.removeLast()
                return .json(output)
            }
            return .json(Self.array(ofLines: output))
        }
    }

    /// Refuses formats that the model's records do not come in.
    func check(_ format: RecordFormat) throws {
        let (takesNative, takesJSON) = try pool.use { ($0.takesFeatures, $0.takesJSON) }
        guard format == .native ? takesNative : takesJSON else {
            throw Failure(
                .unsupportedMediaType,
                takesNative
                    ? "this model learns from records that bring their features: send them as text/plain, one a line"
                    : "send records as JSON: application/json or application/x-ndjson")
        }
    }

    /// Predicts records; the answers are lines as well.
    func predict(_ lines: RecordLines) async throws -> [UInt8] {
        var output: [UInt8] = []
        // As long as they are few, all are answered from one version.
        if lines.count <= Predictor.heldRows, lines.bytes.count <= 1 << 20 {
            try predict(lines.bytes[...], first: 0, into: &output)
            return output
        }
        for slice in lines.slices(of: Self.sliceBytes) {
            try predict(lines.bytes[slice.bytes], first: slice.first, into: &output)
            await pause()
        }
        return output
    }

    private func predict(_ bytes: ArraySlice<UInt8>, first: Int, into output: inout [UInt8]) throws {
        do {
            try pool.use { predictor in
                _ = try bytes.withUnsafeBytes { try predictor.predict($0, into: &output) }
                keep(predictor.kept)
            }
        } catch let error as RecordError {
            registry.countRefused(1)
            let index = first + error.index
            throw Failure.badRequest("record \(index): \(error.description)", record: index)
        }
    }

    static func array(ofLines lines: [UInt8]) -> [UInt8] {
        var array = lines
        for index in array.indices where array[index] == 10 { array[index] = UInt8(ascii: ",") }
        if !array.isEmpty { array.removeLast() }
        array.insert(UInt8(ascii: "["), at: 0)
        array.append(UInt8(ascii: "]"))
        return array
    }

    /// Answers every line with a line, while lines come. What cannot be read gets an object with `error` in its place:
    /// the answer has begun long before.
    private func predictStream(_ request: Request) -> Response {
        Response(
            status: .ok, headers: [.contentType: "application/x-ndjson"],
            body: ResponseBody { [self] writer in
                var rest = ByteBuffer()
                var done = 0
                for try await part in request.body {
                    var part = part
                    if rest.readableBytes == 0 { swap(&rest, &part) } else { rest.writeBuffer(&part) }
                    try await answer(&rest, &done, isEnd: false, &writer)
                    guard rest.readableBytes <= options.maximumBodyBytes else { break }
                }
                try await answer(&rest, &done, isEnd: true, &writer)
                try await writer.finish(nil)
            })
    }

    private func answer(
        _ rest: inout ByteBuffer, _ done: inout Int, isEnd: Bool, _ writer: inout any ResponseBodyWriter
    ) async throws {
        let start = monotonicNanoseconds()
        var lines = RecordLines(maximumFields: options.maximumFields)
        let taken = rest.withUnsafeReadableBytes { lines.addLines($0, isEnd: isEnd) }
        rest.moveReaderIndex(forwardBy: min(taken, rest.readableBytes))
        rest.discardReadBytes()
        for slice in lines.slices(of: Self.sliceBytes) {
            var output: [UInt8] = []
            let counts = try pool.use { predictor in
                let counts = lines.bytes[slice.bytes].withUnsafeBytes {
                    predictor.predictEach($0, first: done, into: &output)
                }
                keep(predictor.kept)
                return counts
            }
            done += counts.records
            registry.countRefused(counts.errors)
            registry.countPredictions(counts.records, seconds(since: start))
            try await writer.write(ByteBuffer(bytes: output))
        }
    }
}

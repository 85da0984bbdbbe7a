import Hummingbird
import JSON

/// A request that cannot be answered: becomes `{"error": "..."}`.
struct Failure: HTTPResponseError {
    let status: HTTPResponse.Status
    let message: String
    /// Which record of the request, from 0.
    var record: Int?
    var headers: HTTPFields = [:]

    init(_ status: HTTPResponse.Status, _ message: String, record: Int? = nil) {
        self.status = status
        self.message = message
        self.record = record
    }

    static func badRequest(_ message: String, record: Int? = nil) -> Failure {
        Failure(.badRequest, message, record: record)
    }

    /// Not now, but soon.
    static func unavailable(_ message: String) -> Failure {
        var failure = Failure(.serviceUnavailable, message)
        failure.headers[.retryAfter] = "1"
        return failure
    }

    var response: Response {
        var members: [(String, JSONValue)] = [("error", .string(message))]
        if let record { members.append(("record", JSONValue(record))) }
        var response = Response.json(.object(members), status: status)
        for field in headers { response.headers[field.name] = field.value }
        return response
    }

    func response(from request: Request, context: some RequestContext) -> Response { response }
}

extension Response {
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        var writer = JSONWriter()
        writer.write(value)
        return json(writer.bytes, status: status)
    }

    static func json(_ bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        body(bytes, type: "application/json", status: status)
    }

    static func body(_ bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: type, .contentLength: String(bytes.count)],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}

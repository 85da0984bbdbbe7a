import Formats
import Foundation
import SchemaRegistry
import Testing

/// The registry of message schemas, against one of fixed answers.
@Suite struct SchemaRegistryTests {
    private static func options(_ stub: StubRegistry) -> SchemaRegistryOptions {
        var options = SchemaRegistryOptions(url: stub.url + "/base/")
        options.attempts = 2
        return options
    }

    private static func failure(_ id: UInt32, _ options: SchemaRegistryOptions) throws -> SchemaError {
        let registry = try SchemaRegistry(options)
        do {
            _ = try registry.schema(id)
            throw UnexpectedSuccess()
        } catch let error as SchemaError { return error }
    }

    private struct UnexpectedSuccess: Error {}

    @Test func schemasAreAskedForOnceEach() throws {
        let stub = StubRegistry { request in
            switch request.path {
            case "/base/schemas/ids/7": (200, #"{"schema":"\"string\""}"#)
            case "/base/schemas/ids/8":
                (
                    200,
                    #"{"schema":"top","schemaType":"AVRO","references":[{"name":"a","subject":"s/1","version":3},"#
                        + #"{"name":"b","subject":"t","version":1}]}"#
                )
            case "/base/subjects/s%2F1/versions/3":
                (200, #"{"schema":"first","references":[{"name":"b","subject":"t","version":1}]}"#)
            case "/base/subjects/t/versions/1": (200, #"{"schema":"deepest"}"#)
            default: (404, #"{"error_code":40403,"message":"Schema not found"}"#)
            }
        }
        defer { stub.stop() }
        let registry = try SchemaRegistry(Self.options(stub))
        for _ in 0..<3 { #expect(try registry.schema(7) == [#""string""#]) }
        #expect(try registry.schema(8) == ["deepest", "first", "top"])
        for _ in 0..<3 { #expect(throws: SchemaError.self) { try registry.schema(9) } }
        #expect(
            stub.requests.map(\.path) == [
                "/base/schemas/ids/7", "/base/schemas/ids/8", "/base/subjects/s%2F1/versions/3",
                "/base/subjects/t/versions/1", "/base/schemas/ids/9",
            ])
    }

    @Test func credentialsAreSentAndNeverShown() throws {
        let stub = StubRegistry { request in
            request.head.contains("Authorization: Basic dXNlcjpzZWNyZXQ=\r\n") ? (200, #"{"schema":"s"}"#) : (401, "")
        }
        defer { stub.stop() }
        var options = Self.options(stub)
        let refused = try Self.failure(1, options)
        #expect(refused.kind == .unavailable && refused.description.contains("credentials"))
        options.credentials = "user:secret"
        #expect(try SchemaRegistry(options).schema(1) == ["s"])
        options.credentials = "user:wrong"
        let wrong = try Self.failure(1, options)
        #expect(!wrong.description.contains("wrong") && wrong.description.contains("401"))
        options.credentials = "Bearer abc"
        _ = try Self.failure(1, options)
        #expect(stub.requests.last?.head.contains("Authorization: Bearer abc\r\n") == true)
        for bad in ["word", "a:b\r\nX: y"] {
            options.credentials = bad
            #expect(throws: FormatError.self) { try SchemaRegistry(options) }
        }
    }

    @Test func whatIsWrongIsSaid() throws {
        let stub = StubRegistry { request in
            switch request.path.split(separator: "/").last {
            case "1": (404, "")
            case "2": (200, #"{"schema":"syntax","schemaType":"PROTOBUF"}"#)
            case "3": (200, "<html>")
            case "4": (500, "")
            case "5": nil
            case "6": (302, "")
            default: (200, "{}")
            }
        }
        defer { stub.stop() }
        for (id, kind, words): (UInt32, SchemaError.Kind, String) in [
            (1, .unknown, "knows no schema 1"), (2, .unusable, "PROTOBUF"), (3, .unavailable, "no schema registry"),
            (4, .unavailable, "status 500"), (5, .unavailable, "closed before the answer"), (6, .unavailable, "302"),
            (7, .unusable, "does not say"),
        ] {
            let error = try Self.failure(id, Self.options(stub))
            #expect(error.kind == kind && error.description.contains(words), "\(error)")
        }
    }

    @Test func aRegistryThatIsAway() throws {
        var options = SchemaRegistryOptions(url: "http://127.0.0.1:1")
        options.attempts = 1
        #expect(try Self.failure(1, options).description.contains("127.0.0.1:1"))
        // One that accepts and says nothing.
        let stub = StubRegistry { _ in
            sleep(3)
            return nil
        }
        defer { stub.stop() }
        options.url = stub.url
        options.seconds = 1
        let silent = try Self.failure(1, options)
        #expect(silent.kind == .unavailable && silent.description.contains("no answer within 1 s"))
    }

    @Test(arguments: [
        ("localhost:8081", "http://HOST:PORT"), ("ftp://x", "http://HOST:PORT"), ("http://", "http://HOST:PORT"),
        ("http://x:0", "65535"), ("http://x:port", "65535"), ("http://user:secret@x", "credentials do not belong"),
        ("http://x/?a=b", "without query"),
    ])
    func urlsThatAreNone(_ url: String, _ words: String) {
        do {
            _ = try SchemaRegistry(SchemaRegistryOptions(url: url))
            Issue.record("\(url) was taken")
        } catch {
            #expect("\(error)".contains(words), "\(error)")
            #expect(!"\(error)".contains("secret"))
        }
    }
}

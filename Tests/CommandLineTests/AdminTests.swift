import Foundation
import Snapshots
import Testing

/// Routes for administrators, and who may use which.
struct AdminTests {
    private static let record = #"{"x":1,"y":2}"#

    @Test func snapshots() throws {
        let workspace = Workspace()
        let options = "--input none --target y --task regression --snapshots s --snapshot-every 1h"
        let service = try Service(options, in: workspace)
        #expect(try service.ask("/admin/snapshot", "").status == 503)
        var taken: [String] = []
        for records in 1...3 {
            _ = try service.value("/learn?ack=applied", Self.record)
            let answer = try service.value("/admin/snapshot", "")
            let name = try #require(answer["snapshot"] as? String)
            #expect(answer["records"] as? Int == records && answer["version"] as? Int == records)
            let path = workspace.file("s/\(name)")
            #expect(answer["bytes"] as? Int == workspace.bytes("s/\(name)").count)
            try Snapshot(path: path).verify()
            taken.insert(name, at: 0)
        }
        let list = try #require(service.value("/admin/snapshots")["snapshots"] as? [[String: Any]])
        #expect(list.compactMap { $0["name"] as? String } == taken)
        #expect(list.map { $0["records"] as? Int } == [3, 2, 1])
        let one = try service.value("/admin/snapshots/\(taken[1])")
        #expect((one["positions"] as? [String: Int]) == ["http/0": 2])
        // A name is compared with what is there, never made part of a path.
        try workspace.write("s/secret.safetensors", "no snapshot")
        for name in ["secret.safetensors", "..%2f..%2fetc%2fpasswd", "..", "%00", "http.journal", taken[0] + "%00"] {
            let answer = try service.ask("/admin/snapshots/\(name)", nil, ["--path-as-is"])
            #expect(answer.status == 404 || answer.status == 400, "\(name): \(answer.body)")
        }
        #expect(service.stop().status == 0)
    }

    /// Snapshots asked for at once and while others are written: everybody gets one.
    @Test func manyAtOnce() throws {
        let service = try Service(
            "--input none --target y --task regression --snapshots s --snapshot-every 20ms", in: Workspace())
        _ = try service.value("/learn?ack=applied", Self.record)
        let connections = (0..<8).compactMap { _ in RawConnection(port: service.port) }
        for _ in 0..<5 {
            for connection in connections {
                connection.send("POST /admin/snapshot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            }
            _ = try service.ask("/learn", Self.record)
            for connection in connections { #expect(connection.answer()?.status == 200) }
        }
        #expect(service.stop().status == 0)
    }

    @Test func roles() throws {
        let workspace = Workspace()
        let tokens = ["read": "r-0123456789abcdef", "learn": "l-0123456789abcdef", "admin": "a-0123456789abcdef"]
        try workspace.write("tokens", tokens.map { "\($0.key) \($0.value)\n" }.joined())
        let service = try Service(
            "--input none --target y --task regression --snapshots s --auth-token-file tokens", in: workspace)
        func status(_ path: String, _ body: String?, _ role: String) throws -> Int {
            let header = tokens[role].map { ["-H", "Authorization: Bearer \($0)"] } ?? []
            return try service.ask(path, body, header).status
        }
        #expect(try status("/learn?ack=applied", Self.record, "learn") == 200)
        let expected: [(path: String, body: String?, statuses: [Int])] = [
            ("/healthz", nil, [200, 200, 200, 200]), ("/predict", Self.record, [401, 200, 200, 200]),
            ("/metrics", nil, [401, 200, 200, 200]), ("/learn?ack=applied", Self.record, [401, 403, 200, 200]),
            ("/admin/snapshots", nil, [401, 403, 403, 200]), ("/admin/snapshot", "", [401, 403, 403, 200]),
            ("/admin/snapshots/x", nil, [401, 403, 403, 404]),
        ]
        for (path, body, statuses) in expected {
            let found = try ["none", "read", "learn", "admin"].map { try status(path, body, $0) }
            #expect(found == statuses, "\(path)")
        }
        #expect(service.stop().status == 0)
    }

    /// Without tokens only this machine may; a switch takes the routes away, from the document as well.
    @Test func switches() throws {
        let workspace = Workspace()
        let options = "--input none --target y --task regression --snapshots s"
        let off = try Service(options + " --no-admin", in: workspace)
        #expect(try off.ask("/admin/snapshots").status == 404)
        #expect(try !off.ask("/openapi.json").body.contains("/admin/"))
        #expect(off.stop().status == 0)
        let readOnly = try Service(options + " --read-only", in: workspace)
        #expect(try readOnly.ask("/learn", Self.record).status == 403)
        #expect(try readOnly.ask("/admin/snapshots").status == 200)
        #expect(try readOnly.ask("/openapi.json").body.contains("/admin/snapshots/{snapshot}"))
        #expect(readOnly.stop().status == 0)
        let line = "run --http 0.0.0.0:0 --allow-public --progress none " + options
        let open = try Command(Command.thalweg, line.split(separator: " ").map(String.init), in: workspace)
        #expect(open.waits { $0.stderrSoFar.contains("listening on") })
        let port = open.stderrSoFar.split(separator: "\n").last?.split(separator: ":").last.flatMap { UInt16($0) }
        let connection = try #require(RawConnection(port: port ?? 0))
        #expect(connection.ask("GET", "/admin/snapshots")?.status == 403)
        #expect(connection.ask("POST", "/admin/snapshot")?.status == 403)
        #expect(connection.ask("GET", "/healthz")?.status == 200)
    }

    @Test func withoutSnapshots() throws {
        let service = try Service("--input none --target y --task regression", in: Workspace())
        #expect(try service.ask("/admin/snapshots").status == 409)
        let answer = try service.ask("/admin/snapshot", "")
        #expect(answer.status == 409 && answer.body.contains("--snapshots"))
    }
}

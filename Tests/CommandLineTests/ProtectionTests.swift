import Foundation
import Glibc
import Testing

/// What is refused and cut off, certificates, and that secrets stay secret.
struct ProtectionTests {
    private static let options = "--input none --target y --task regression"
    private static let record = #"{"x":1,"y":2}"#

    @Test func limitsOfRequests() throws {
        let service = try Service(
            Self.options + " --max-body-bytes 4096 --max-fields 5 --max-streams 1", in: Workspace())
        _ = try service.value("/learn?ack=applied", Self.record)
        let deep = #"{"x":"# + String(repeating: "[", count: 100) + String(repeating: "]", count: 100) + #","y":1}"#
        let wide = "{" + (0..<6).map { "\"f\($0)\":1" }.joined(separator: ",") + "}"
        let expected: [(path: String, body: String, status: Int, says: String)] = [
            ("/predict", "[" + String(repeating: Self.record + ",", count: 400) + Self.record + "]", 413, "4096"),
            ("/learn", String(repeating: "x", count: 5000), 413, "4096"),
            ("/predict", wide, 413, "fields"), ("/predict", deep, 400, "deep"), ("/learn", deep, 400, "deep"),
            ("/learn", #"{"x":1}"#, 400, "'y'"), ("/learn", #"{"x":1,"y":"many"}"#, 400, "'y'"),
            ("/learn", "[\(Self.record),{\"x\":2}]", 400, "record 1"), ("/predict", "", 400, "empty"),
            ("/predict", "{\"x\":", 400, "end"), ("/predict", "7", 400, "object"),
        ]
        for (path, body, status, says) in expected {
            let answer = try service.ask(path, body)
            #expect(answer.status == status, "\(path) \(body.prefix(60)): \(answer)")
            let error = try JSONObject.parse(answer.body)["error"] as? String
            #expect(error?.contains(says) ?? false, "\(answer.body)")
        }
        #expect(try service.value("/model")["learned"] as? Int == 1)
        let first = try #require(RawConnection(port: service.port))
        first.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(first.waits(for: "retry:"))
        let second = try #require(RawConnection(port: service.port)?.ask("GET", "/events"))
        #expect(second.status == 503 && second.head.lowercased().contains("retry-after"))
    }

    @Test(arguments: [
        "X-Long: " + String(repeating: "a", count: 9000), (0..<150).map { "X-\($0): 1" }.joined(separator: "\r\n"),
    ])
    func headers(_ lines: String) throws {
        let service = try Service(Self.options, in: Workspace())
        let connection = try #require(RawConnection(port: service.port))
        let answer = connection.ask("GET", "/healthz", headers: lines + "\r\n")
        #expect(answer?.status == 431, "\(String(describing: answer))")
        #expect(try service.ask("/healthz").status == 200)
    }

    @Test func hostsAndOrigins() throws {
        let service = try Service(Self.options, in: Workspace())
        let expected: [(headers: [String], status: Int)] = [
            (["Host: evil.example"], 421), (["Host: 127.0.0.1.evil.example"], 421),
            (["Host: LOCALHOST:\(service.port)"], 200),
            (["Host: [::1]"], 200), (["Host: localhost", "Origin: http://evil.example"], 403),
            (["Host: localhost", "Origin: null"], 403), (["Host: localhost", "Origin: http://localhost"], 200),
            (["Host: localhost:1", "Origin: http://localhost:2"], 403),
        ]
        for (headers, status) in expected {
            let answer = try service.ask("/version", nil, headers.flatMap { ["-H", $0] })
            #expect(answer.status == status, "\(headers): \(answer)")
        }
        let connection = try #require(RawConnection(port: service.port))
        connection.send("GET /version HTTP/1.1\r\n\r\n")
        #expect(connection.answer()?.status == 400)
    }

    /// A client that does not send, or not on, is cut off, and the others do not notice.
    @Test func timeOuts() throws {
        let service = try Service(Self.options + " --idle-timeout 400ms --request-timeout 600ms", in: Workspace())
        let beginnings = [
            "", "GET /healthz HT", "POST /learn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{\"x\"",
        ]
        let slow = try beginnings.map { beginning in
            let connection = try #require(RawConnection(port: service.port))
            connection.send(beginning)
            return connection
        }
        #expect(try service.ask("/healthz").status == 200)
        for connection in slow {
            _ = connection.rest()
            #expect(connection.isEnded)
        }
        // One byte at a time is no excuse.
        let trickle = try #require(RawConnection(port: service.port, seconds: 1))
        trickle.send("POST /learn HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
        var sent = 0
        while sent < 200, !trickle.isEnded, trickle.send("x") {
            sent += 1
            usleep(50_000)
        }
        #expect(sent < 200)
    }

    @Test func connections() throws {
        let service = try Service(Self.options + " --max-connections 2", in: Workspace())
        var first = RawConnection(port: service.port)
        let second = try #require(RawConnection(port: service.port))
        #expect(first?.ask("GET", "/healthz")?.status == 200)
        #expect(second.ask("GET", "/healthz")?.status == 200)
        let third = try #require(RawConnection(port: service.port, seconds: 1))
        third.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(third.answer() == nil && !third.isEnded)
        first = nil
        var answer: RawConnection.Answer?
        for _ in 0..<20 where answer == nil { answer = third.answer() }
        #expect(answer?.status == 200)
    }

    /// Nobody reads the predictions, so nothing is learned, and the inbox is full some time.
    @Test func tooMuchAtOnce() throws {
        let workspace = Workspace()
        mkfifo(workspace.file("predictions"), 0o600)
        let reader = open(workspace.file("predictions"), O_RDONLY | O_NONBLOCK)
        defer { close(reader) }
        let service = try Service(
            Self.options + " --max-body-bytes 65536 --predictions - > predictions", in: workspace, shell: "true")
        let connection = try #require(RawConnection(port: service.port))
        let body = String(repeating: Self.record + "\n", count: 4000)
        var statuses: [Int] = []
        var last: RawConnection.Answer?
        while statuses.count < 500, statuses.last != 429 {
            last = connection.ask("POST", "/learn", body, headers: "Content-Type: application/jsonl\r\n")
            statuses.append(last?.status ?? 0)
            if statuses.last == 503 { usleep(20_000) }
        }
        #expect(statuses.last == 429, "\(statuses.suffix(3))")
        #expect(last?.head.lowercased().contains("retry-after: 1") ?? false)
        #expect(try service.ask("/healthz").status == 200)
        service.kill()
    }

    /// Planted tokens are nowhere in what a client or an operator sees.
    @Test func tokensAreNowhere() throws {
        let workspace = Workspace()
        let tokens = ["read", "learn", "admin"].map { "canary-\($0)-0123456789" }
        try workspace.write("tokens", zip(["read", "learn", "admin"], tokens).map { "\($0) \($1)\n" }.joined())
        let service = try Service(Self.options + " --snapshots s --auth-token-file tokens --json", in: workspace)
        var seen = ""
        for token in tokens + ["canary-wrong-0123456789", "canary-admin-012345678"] {
            let header = ["-i", "-H", "Authorization: Bearer \(token)"]
            for path in ["/metrics", "/openapi.json", "/model", "/v2", "/admin/snapshots", "/nowhere", "/readyz", "/"] {
                seen += try service.ask(path, nil, header).body
            }
            for path in ["/predict", "/learn?ack=durable", "/explain", "/admin/snapshot", "/invocations"] {
                seen += try service.ask(path, Self.record, header).body
                seen += try service.ask(path, "{", header).body
            }
            let events = try #require(RawConnection(port: service.port, seconds: 1))
            events.send("GET /events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n\r\n")
            _ = events.waits(for: "event: status")
            seen += events.text
        }
        let outcome = service.stop()
        #expect(outcome.status == 0)
        seen += outcome.stdout + outcome.stderr
        for name in workspace.names(in: "s") { seen += workspace.text("s/\(name)") }
        #expect(seen.contains("thalweg_model_version") && seen.contains("event: status"))
        #expect(!seen.contains("canary"))
    }

    /// A renewed certificate is used without a restart, what is no certificate is not, and connections stay.
    @Test func certificates() throws {
        let workspace = Workspace()
        func make(_ name: String) throws {
            let made = try workspace.shell(
                "/usr/bin/openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
                    + "-subj /CN=\(name) -keyout key.new -out cert.new 2>&1 && mv key.new key.pem && mv cert.new cert.pem"
            )
            #expect(made.status == 0, "\(made.stdout)")
        }
        try make("one")
        let service = try Service(Self.options + " --tls-certificate cert.pem --tls-key key.pem", in: workspace)
        #expect(service.address.hasPrefix("https://"))
        func subject() -> String? {
            let line = "echo | /usr/bin/openssl s_client -connect 127.0.0.1:\(service.port) 2>&1 | grep -m1 subject="
            return try? workspace.shell(line).stdout
        }
        #expect(subject()?.contains("one") ?? false)
        let kept = try Command(
            "/usr/bin/openssl", ["s_client", "-quiet", "-connect", "127.0.0.1:\(service.port)"], in: workspace,
            input: .pipe)
        let request = "GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"
        func answers() -> Int { kept.stdoutSoFar.components(separatedBy: "200 OK").count - 1 }
        kept.send(request)
        #expect(kept.waits { _ in answers() == 1 })
        try make("two")
        #expect(service.command.waits { _ in subject()?.contains("two") ?? false })
        kept.send(request)
        #expect(kept.waits { _ in answers() == 2 }, "\(kept.stderrSoFar)")
        try workspace.write("cert.pem", "no certificate")
        #expect(service.command.waits { _ in subject() != nil && service.command.stderrSoFar.contains("stays in use") })
        #expect(subject()?.contains("two") ?? false)
        #expect(try service.ask("/version", nil, ["-k"]).status == 200)
        #expect(service.stop().status == 0)
    }
}

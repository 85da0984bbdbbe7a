import Foundation
import Glibc
import Testing

/// How a service ends: readiness off, requests in flight answered, what was taken in learned, a last snapshot.
struct DrainTests {
    private static let options = "--input none --target y --task regression --snapshots s --json"
    private static let record = #"{"x":1,"y":2}"#

    /// A request of which half has arrived.
    private func halfRequest(_ service: Service, _ path: String) throws -> RawConnection {
        let connection = try #require(RawConnection(port: service.port))
        connection.send("POST \(path) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(Self.record.utf8.count)\r\n\r\n")
        connection.send(String(Self.record.prefix(5)))
        // Whoever is answered after it shows that it has begun.
        #expect(try service.ask("/healthz").status == 200)
        return connection
    }

    @Test(arguments: ["accepted", "applied", "durable"])
    func requestInFlight(_ ack: String) throws {
        let workspace = Workspace()
        let service = try Service(Self.options, in: workspace)
        _ = try service.value("/learn?ack=applied", Self.record)
        let connection = try halfRequest(service, "/learn?ack=\(ack)")
        service.command.signal(SIGTERM)
        // Nobody new is let in, or told to go elsewhere.
        #expect(
            service.command.waits { _ in
                guard let other = RawConnection(port: service.port, seconds: 1) else { return true }
                let answer = other.ask("GET", "/readyz")
                return answer == nil || answer?.status == 503
            })
        connection.send(String(Self.record.dropFirst(5)))
        let answer = connection.answer()
        #expect(answer?.status == (ack == "accepted" ? 202 : 200), "\(String(describing: answer))")
        let outcome = service.command.wait()
        #expect(outcome.status == 0, "\(outcome.stderr)")
        #expect(try outcome.report().learned == 2)
        #expect(try Service(Self.options, in: workspace).stop().report().learned == 2)
    }

    /// The first record waits for others before the fields are fixed; a stop does not make it wait.
    @Test func whoWaitsIsAnswered() throws {
        let service = try Service(Self.options, in: Workspace())
        let connection = try #require(RawConnection(port: service.port))
        connection.send(
            "POST /learn?ack=applied HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(Self.record.utf8.count)\r\n\r\n"
                + Self.record)
        #expect(
            service.command.waits { _ in
                (try? service.ask("/metrics").body.contains("thalweg_records_accepted_total 1")) ?? false
            })
        service.command.signal(SIGTERM)
        #expect(connection.answer()?.status == 200)
        let outcome = service.command.wait()
        #expect(outcome.status == 0, "\(outcome.stderr)")
        #expect(try outcome.report().learned == 1)
    }

    @Test func eventsEnd() throws {
        let service = try Service(Self.options, in: Workspace())
        _ = try service.value("/learn?ack=applied", Self.record)
        let connection = try #require(RawConnection(port: service.port))
        connection.send("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(connection.waits(for: "event: status"))
        #expect(service.stop().status == 0)
        #expect(connection.rest().hasSuffix("0\r\n\r\n"))
        #expect(connection.isEnded)
    }

    /// A client that never sends the rest is given up.
    @Test func aDrainThatTakesTooLong() throws {
        let service = try Service(Self.options + " --drain-timeout 300ms", in: Workspace())
        _ = try service.value("/learn?ack=applied", Self.record)
        let connection = try halfRequest(service, "/learn")
        service.command.signal(SIGTERM)
        let outcome = service.command.wait(upTo: 20)
        #expect(outcome.status == 0 && !outcome.wasTimeout, "\(outcome.stderr)")
        #expect(try outcome.report().learned == 1)
        _ = connection.rest()
        #expect(connection.isEnded)
    }

    @Test(arguments: [(SIGTERM, Int32(143)), (SIGINT, Int32(130))])
    func theSecondSignalEndsAtOnce(_ signal: Int32, _ status: Int32) throws {
        let workspace = Workspace()
        let service = try Service(Self.options + " --drain-timeout 1h --request-timeout 1h", in: workspace)
        _ = try service.value("/learn?ack=durable", Self.record)
        let connection = try halfRequest(service, "/learn")
        service.command.signal(SIGTERM)
        #expect(service.command.waits { _ in RawConnection(port: service.port) == nil })
        #expect(!service.command.waits(upTo: 0.2) { $0.hasEnded })
        service.command.signal(signal)
        #expect(service.command.wait().status == status)
        withExtendedLifetime(connection) {}
        // What was durable is learned by the next one.
        #expect(try Service(Self.options, in: workspace).stop().report().learned == 1)
    }

    @Test func interrupted() throws {
        let service = try Service(Self.options, in: Workspace())
        _ = try service.ask("/learn", Self.record)
        let outcome = service.stop(SIGINT)
        #expect(outcome.status == 130)
        #expect(try outcome.report().learned == 1)
    }
}

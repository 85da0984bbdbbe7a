import Foundation
import Testing

/// `/readyz`: only while the input is connected.
struct ReadinessTests {
    @Test func lostBrokers() throws {
        let workspace = Workspace()
        let first = try Broker("clicks:1", in: workspace)
        let port = first.port
        first.kill()
        // Clients come back to the port they know.
        let broker = try Broker("clicks:1", in: Workspace(), port: port)
        try broker.produce(CountedRecords.lines(200), to: "clicks")
        let service = try Service(
            "--input \(broker.url("clicks"))?on-out-of-range=earliest --predictions none --target y", in: workspace)
        #expect(service.command.waits { _ in service.learned == 200 })
        #expect(try service.ask("/readyz").status == 200)
        #expect(try service.ask("/metrics").body.contains("thalweg_source_connected 1"))
        broker.kill()
        #expect(service.command.waits { _ in (try? service.ask("/readyz").status) == 503 })
        #expect(try service.ask("/readyz").body.contains("not connected"))
        #expect(try service.ask("/metrics").body.contains("thalweg_source_connected 0"))
        // It knows what it knew.
        #expect(try service.ask("/predict", #"{"id":"r1"}"#).status == 200)
        let again = try Broker("clicks:1", in: Workspace(), port: port)
        #expect(service.command.waits(upTo: 60) { _ in (try? service.ask("/readyz").status) == 200 })
        try again.produce(CountedRecords.lines(30), to: "clicks")
        #expect(service.command.waits { _ in service.learned ?? 0 > 200 })
        #expect(service.stop().status == 0, "\(service.command.stderrSoFar)")
    }
}

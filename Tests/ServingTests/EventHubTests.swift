import Testing

@testable import Serving

/// Events to those who listen, and to those who only seem to.
struct EventHubTests {
    private func read(_ client: EventHub.Client, _ count: Int) async -> [Int] {
        var ids: [Int] = []
        for await event in client.events {
            ids.append(event.id)
            if ids.count == count { break }
        }
        return ids
    }

    @Test func whoDoesNotReadLosesTheOldestAndDisturbsNobody() async throws {
        let hub = EventHub(maximumClients: 2)
        let sleeper = try #require(hub.join())
        let reader = try #require(hub.join())
        var seen: [Int] = []
        for number in 1...1000 {
            hub.send("status", Array("{\"n\":\(number)}".utf8))
            seen += await read(reader, 1)
        }
        #expect(seen == Array(1...1000))
        #expect(reader.takeDropped() == 0)
        #expect(sleeper.takeDropped() == 1000 - EventHub.depth)
        #expect(sleeper.takeDropped() == 0)
        #expect(await read(sleeper, EventHub.depth) == Array(1001 - EventHub.depth...1000))
    }

    @Test func whoComesBackGetsWhatIsNew() async throws {
        let hub = EventHub(maximumClients: 8)
        hub.send("status", Array("{}".utf8))
        hub.send("status", Array("{}".utf8))
        #expect(await read(try #require(hub.join()), 1) == [2])
        #expect(await read(try #require(hub.join(after: 1)), 1) == [2])
        let upToDate = try #require(hub.join(after: 2))
        hub.send("status", Array("{}".utf8))
        #expect(await read(upToDate, 1) == [3])
        // A number from before the process began again says nothing.
        #expect(await read(try #require(hub.join(after: 99)), 1) == [3])
    }

    @Test func onlySoManyAndNoneAfterTheEnd() async throws {
        let hub = EventHub(maximumClients: 1)
        let client = try #require(hub.join())
        #expect(hub.join() == nil)
        hub.leave(client)
        let next = try #require(hub.join())
        hub.finish()
        #expect(hub.join() == nil)
        #expect(await read(next, 1) == [])
        #expect(hub.clients == 1)
    }

    @Test func asText() throws {
        let hub = EventHub(maximumClients: 1)
        hub.send("status", Array("{\"a\":1}".utf8))
        #expect(
            String(decoding: try #require(hub.newest).text, as: UTF8.self)
                == "id: 1\nevent: status\ndata: {\"a\":1}\n\n")
    }
}

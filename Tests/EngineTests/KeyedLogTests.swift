import State
import Testing

@testable import Engine

/// The store of what waits against a list that is searched from its beginning.
@Suite struct KeyedLogTests {
    private struct Entry: Equatable {
        let key: [UInt8]
        let content: [UInt64]
    }

    private static func entries(_ log: KeyedLog) -> [Entry] {
        let twin = KeyedLog(maximumEntries: log.maximumEntries, maximumBytes: log.maximumWords * 8)
        for (from, to) in zip(log.state, twin.state) {
            Replica(of: Single(from), twin: Single(to)).update()
        }
        twin.stateDidChange()
        #expect(twin.isSound)
        var found: [Entry] = []
        while let oldest = twin.oldest {
            found.append(Entry(key: Array(twin.key(of: oldest)), content: Array(twin.content(of: oldest))))
            twin.remove(oldest)
        }
        return found
    }

    /// One array as a component.
    private final class Single: Stateful {
        let state: [StateEntry]
        init(_ entry: StateEntry) { state = [entry] }
    }

    @Test func behavesAsAList() {
        let random = RandomGenerator(seed: Script.seed("keyed log"))
        func pick(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }
        for maximum in [1, 3, 40, 200] {
            let log = KeyedLog(maximumEntries: maximum, maximumBytes: maximum * 160)
            var list: [Entry] = []
            for step in 0..<2500 {
                let key = Array("k\(pick(maximum * 2))".utf8)
                key.withUnsafeBufferPointer { bytes in
                    let place = list.firstIndex { $0.key == key }
                    let entry = log.find(bytes)
                    #expect((entry == nil) == (place == nil))
                    if let entry, let place { #expect(Array(log.content(of: entry)) == list[place].content) }
                    if let entry, let place, pick(2) == 0 {
                        log.remove(entry)
                        list.remove(at: place)
                    } else if entry == nil {
                        let content = (0..<pick(24)).map { _ in random.next() }
                        while log.isFull(for: bytes, content.count), let oldest = log.oldest {
                            log.remove(oldest)
                            list.removeFirst()
                        }
                        log.append(bytes, content)
                        list.append(Entry(key: key, content: content))
                    }
                }
                #expect(log.count == list.count && log.count <= maximum)
                #expect(log.byteCount <= log.maximumWords * 8 || log.count <= 1)
                if step % 500 == 0 { #expect(Self.entries(log) == list) }
            }
            #expect(Self.entries(log) == list)
        }
    }

    @Test func bytesAreBounded() {
        let log = KeyedLog(maximumEntries: 10, maximumBytes: 1 << 12)
        let key = Array("key".utf8)
        for number in 0..<10_000 {
            var key = key
            key += String(number).utf8
            key.withUnsafeBufferPointer { key in
                let content = [UInt64](repeating: 1, count: 30)
                while log.isFull(for: key, content.count), let oldest = log.oldest { log.remove(oldest) }
                log.append(key, content)
            }
        }
        #expect(log.count == 10)
        #expect(log.stateByteCount < 1 << 17, "what has left takes no room for ever")
    }

    @Test func damageIsNoticed() {
        let log = KeyedLog(maximumEntries: 10, maximumBytes: 1 << 12)
        Array("a".utf8).withUnsafeBufferPointer { log.append($0, [1, 2, 3]) }
        #expect(log.isSound)
        guard let words = log.state[0].array as? StateArray<UInt64> else { return }
        for (index, value) in [(0, UInt64.max), (0, 0), (2, UInt64(1) << 40)] {
            let before = words[index]
            words[index] = value
            #expect(!log.isSound)
            words[index] = before
        }
        #expect(log.isSound)
    }
}

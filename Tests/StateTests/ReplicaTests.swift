import Foundation
import State
import Testing

/// Publishing copies what changed and nothing else, and yet ends equal.
struct ReplicaTests {
    /// A large array whose writer marks pages, one copied whole, one that grows, one whose lanes change.
    final class Component: Stateful {
        let weights = StateArray<Float>(count: 20_000, lanes: 4, marksChanges: true)
        let odd = StateArray<Double>(count: 5000, marksChanges: true)
        let sums = StateArray<Double>(count: 10)
        let names = StateArray<UInt8>(count: 0, marksChanges: true)
        let classes = StateArray<Float>(count: 700, lanes: 1, marksChanges: true)
        private(set) var changes = 0

        var state: [StateEntry] {
            [
                StateEntry("weights", weights), StateEntry("odd", odd), StateEntry("sums", sums),
                StateEntry("names", names), StateEntry("classes", classes),
            ]
        }

        func stateDidChange() { changes += 1 }

        /// One random write of any kind.
        func write(_ numbers: inout Numbers) {
            switch numbers.next(100) {
            case 0: names.resize(to: numbers.next(9000))
            case 1: classes.resize(to: 700 + numbers.next(50), lanes: 1 + numbers.next(3))
            case 2: odd.clear()
            case 3..<10: names.append(UInt8(numbers.next(256)))
            case 10..<12 where names.count < 50_000: names.extend(to: names.count + numbers.next(9000))
            case 10..<20: sums[numbers.next(10)] = Double(numbers.next(1000))
            case 20..<30: classes[numbers.next(classes.count * classes.lanes)] = Float(numbers.next(100))
            case 30..<40: odd[numbers.next(5000)] = Double(numbers.next(1000))
            default:
                // As a kernel does it: through `base`, marking the page.
                let slot = numbers.next(20_000)
                weights.base[slot * 4 + numbers.next(4)] = Float(numbers.next(1000))
                weights.changedPages[slot >> weights.pageShift] = 1
            }
        }
    }

    struct Numbers {
        var generator: RandomGenerator
        func next(_ limit: Int) -> Int { Int(generator.next() % UInt64(limit)) }
    }

    /// An array so large that several cores copy it: whole, in runs, and single pages at the ends of their parts.
    @Test func aLargeArrayEndsEqual() {
        final class Table: Stateful {
            let rows = StateArray<Double>(count: 3_000_001, marksChanges: true)
            var state: [StateEntry] { [StateEntry("rows", rows)] }
        }
        let original = Table()
        let twin = Table()
        let replica = Replica(of: original, twin: twin)
        let numbers = Numbers(generator: RandomGenerator(seed: 7))
        for round in 0..<6 {
            for _ in 0..<[3_000_001, 1, 0, 500, 20_000, 3][round] {
                original.rows[numbers.next(3_000_001)] = Double(numbers.next(1000))
            }
            original.rows[3_000_000] = Double(round)
            Replica.note(original, on: [replica])
            replica.update()
            #expect(twin.digest == original.digest)
        }
    }

    /// Many arrays, enough in all for several cores: of any size, some that grow and some that are copied whole.
    @Test func manyArraysEndEqual() {
        final class Tables: Stateful {
            let tables = (0..<60).map { index in
                StateArray<Double>(
                    count: index % 7 == 0 ? 200_000 : 1 + index * 311, marksChanges: index % 5 != 0)
            }
            var state: [StateEntry] { tables.enumerated().map { StateEntry("table-\($0)", $1) } }
        }
        let original = Tables()
        let twin = Tables()
        let replica = Replica(of: original, twin: twin)
        let numbers = Numbers(generator: RandomGenerator(seed: 11))
        for round in 0..<8 {
            for _ in 0..<[3000, 1, 0, 500, 20_000, 3, 700, 40][round] {
                let table = original.tables[numbers.next(60)]
                if numbers.next(50) == 0 { table.extend(to: table.count + numbers.next(3000)) }
                table[numbers.next(table.count)] = Double(numbers.next(1000))
            }
            Replica.note(original, on: [replica])
            replica.update()
            #expect(twin.digest == original.digest)
        }
    }

    /// A copy may lack arrays at the end: those it has end equal.
    @Test func aTwinMayLackTheLast() {
        final class Parts: Stateful {
            let parts: [StateArray<Double>]
            init(_ count: Int) { parts = (0..<count).map { _ in StateArray(count: 9) } }
            var state: [StateEntry] { parts.enumerated().map { StateEntry("part-\($0)", $1) } }
        }
        let original = Parts(3)
        let twin = Parts(2)
        let replica = Replica(of: original, twin: twin)
        for round in 0..<3 {
            for part in original.parts { part[round] = Double(round + 1) }
            Replica.note(original, on: [replica])
            replica.update()
            #expect(twin.parts.map(\.elements) == original.parts.prefix(2).map(\.elements))
        }
    }

    /// Three replicas, updated in any order and at any time, each against the owner's state at that time.
    @Test func everyReplicaEndsEqual() {
        let seed =
            ProcessInfo.processInfo.environment["THALWEG_TEST_SEED"].flatMap(UInt64.init) ?? .random(in: 0..<1_000_000)
        print("replicas: THALWEG_TEST_SEED=\(seed)")
        var numbers = Numbers(generator: RandomGenerator(seed: seed))
        let original = Component()
        let twins = (0..<3).map { _ in Component() }
        let replicas = twins.map { Replica(of: original, twin: $0) }
        var updates = 0
        for _ in 0..<400 {
            for _ in 0..<numbers.next(30) { original.write(&numbers) }
            // Notes come without an update, too: another replica is the one to be published.
            Replica.note(original, on: replicas)
            guard numbers.next(3) > 0 else { continue }
            let index = numbers.next(3)
            replicas[index].update()
            updates += 1
            #expect(twins[index].digest == original.digest)
        }
        #expect(updates > 100 && twins.reduce(0) { $0 + $1.changes } == updates)
        Replica.note(original, on: replicas)
        for (replica, twin) in zip(replicas, twins) {
            replica.update()
            #expect(twin.digest == original.digest)
        }
    }

    /// The proof that a page which nobody marked is not copied: a write that breaks the rule does not arrive.
    @Test func copiesOnlyMarkedPages() {
        let original = Component()
        let twin = Component()
        let replica = Replica(of: original, twin: twin)
        Replica.note(original, on: [replica])
        replica.update()
        original.weights.base[0] = 1
        original.weights.base[79_999] = 2
        original.weights.changedPages[19_999 >> original.weights.pageShift] = 1
        Replica.note(original, on: [replica])
        replica.update()
        #expect(twin.weights[79_999] == 2 && twin.weights[0] == 0)
        // A marked page arrives whole, and the mark is taken off.
        original.weights.changedPages[0] = 1
        Replica.note(original, on: [replica])
        #expect((0..<79).allSatisfy { original.weights.changedPages[$0] == 0 })
        replica.update()
        #expect(twin.weights[0] == 1 && twin.digest == original.digest)
    }

    @Test func arraysThatMarkNothingAreCopiedWhole() {
        let original = Component()
        let twin = Component()
        let replica = Replica(of: original, twin: twin)
        for round in 1...3 {
            original.sums.base[4] = Double(round)
            Replica.note(original, on: [replica])
            replica.update()
            #expect(twin.sums[4] == Double(round))
        }
    }
}

import State
import Testing

/// A component with one array that marks its changes, one that is copied whole and one that grows.
private final class Component: Stateful {
    let table = StateArray<Float>(count: 20_000, lanes: 4, marksChanges: true)
    let small = StateArray<Double>(count: 3)
    let growing = StateArray<UInt8>(count: 0)

    var state: [StateEntry] {
        [StateEntry("table", table), StateEntry("small", small), StateEntry("growing", growing)]
    }
}

@Suite struct ReplicaTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func twinsEqualTheOriginalAfterRandomWrites(seed: UInt64) {
        let random = RandomGenerator(seed: seed)
        let original = Component()
        let twins = [Component(), Component()]
        let replicas = twins.map { Replica(of: original, twin: $0) }
        for round in 0..<60 {
            for _ in 0..<Int(random.next() % 50) {
                original.table[Int(random.next() % 80_000)] = Float(random.nextUniform())
            }
            original.small[Int(random.next() % 3)] = random.nextUniform()
            if random.next() % 4 == 0 { original.growing.append(UInt8(random.next() % 256)) }
            Replica.note(original, on: replicas)
            // One replica is brought up to date now and then only, as a slow reader's would be.
            let chosen = random.next() % 3 == 0 ? 0 : 1
            replicas[chosen].update()
            #expect(twins[chosen].digest == original.digest, "seed \(seed), round \(round)")
        }
    }

    @Test func onlyMarkedPagesAreCopied() {
        let original = Component()
        let twin = Component()
        let replica = Replica(of: original, twin: twin)
        replica.update()
        Replica.note(original, on: [replica])
        replica.update()
        // A write behind the map's back stays where it is: the copy took what was marked, and nothing else.
        original.table.base[40_000] = 7
        original.table[0] = 5
        Replica.note(original, on: [replica])
        replica.update()
        #expect(twin.table[0] == 5)
        #expect(twin.table[40_000] == 0)
    }
}

@Suite struct StateArrayTests {
    @Test func resizingKeepsWhatStaysAndClearsWhatComes() {
        let array = StateArray<Int32>(count: 3)
        for index in 0..<3 { array[index] = Int32(index + 1) }
        array.resize(to: 5000)
        #expect(array.elements.prefix(4) == [1, 2, 3, 0])
        array.resize(to: 2)
        array.resize(to: 3)
        #expect(array.elements == [1, 2, 0])
        #expect(array.nonZeroCount == 2)
    }

    @Test func digestsTellNamesShapesAndBytesApart() {
        let a = Component()
        let b = Component()
        #expect(a.digest == b.digest)
        b.table[79_999] = .leastNonzeroMagnitude
        #expect(a.digest != b.digest)
        #expect(Digest.of(UnsafeRawBufferPointer(start: nil, count: 0)) == "99aa06d3014798d86001c324468d497f")
    }
}

@Suite struct RandomGeneratorTests {
    /// The published algorithm, written out again from Blackman and Vigna's description.
    @Test func drawsAsTheReferenceAlgorithm() {
        var mixer: UInt64 = 42
        var s: [UInt64] = (0..<4).map { _ in
            mixer &+= 0x9e37_79b9_7f4a_7c15
            var z = mixer
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { (x << k) | (x >> (64 - k)) }
        let generator = RandomGenerator(seed: 42)
        for _ in 0..<1000 {
            let expected = rotated(s[1] &* 5, 7) &* 9
            let t = s[1] << 17
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= t
            s[3] = rotated(s[3], 45)
            #expect(generator.next() == expected)
        }
    }
}

import State
import Testing

struct RandomGeneratorTests {
    /// xoshiro256** 1.0 by David Blackman and Sebastiano Vigna (public domain), transcribed from the C code.
    struct Reference {
        var s: [UInt64]

        static func rotl(_ x: UInt64, _ k: Int) -> UInt64 { (x << UInt64(k)) | (x >> UInt64(64 - k)) }

        mutating func next() -> UInt64 {
            let result = Self.rotl(s[1] &* 5, 7) &* 9
            let t = s[1] << 17
            s[2] ^= s[0]
            s[3] ^= s[1]
            s[1] ^= s[2]
            s[0] ^= s[3]
            s[2] ^= t
            s[3] = Self.rotl(s[3], 45)
            return result
        }
    }

    /// splitmix64 by Vigna: the authors' advice for seeding.
    static func seeded(_ seed: UInt64) -> Reference {
        var x = seed
        let words = (0..<4).map { _ in
            x &+= 0x9e37_79b9_7f4a_7c15
            var z = x
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        return Reference(s: words)
    }

    /// The first numbers of the state 1, 2, 3, 4, as every implementation gives them.
    @Test func transcriptionIsTheAlgorithm() {
        var reference = Reference(s: [1, 2, 3, 4])
        let numbers = (0..<5).map { _ in reference.next() }
        #expect(numbers == [11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360])
    }

    @Test(arguments: [0, 1, 42, UInt64.max])
    func followsTheReference(_ seed: UInt64) {
        var reference = Self.seeded(seed)
        let generator = RandomGenerator(seed: seed)
        for step in 0..<1000 { #expect(generator.next() == reference.next(), "step \(step)") }
    }

    @Test func uniformNumbersFillTheUnitInterval() {
        let generator = RandomGenerator(seed: 7)
        var bins = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 {
            let number = generator.nextUniform()
            #expect(number >= 0 && number < 1)
            bins[Int(number * 10)] += 1
        }
        #expect(bins.allSatisfy { (850...1150).contains($0) }, "\(bins)")
    }

    /// Its state is its named array: a copy goes on with the same numbers.
    @Test func resumesFromItsState() {
        let one = RandomGenerator(seed: 3)
        for _ in 0..<17 { _ = one.next() }
        let other = RandomGenerator(seed: 99)
        Replica(of: one, twin: other).update()
        #expect((0..<50).map { _ in one.next() } == (0..<50).map { _ in other.next() })
    }
}

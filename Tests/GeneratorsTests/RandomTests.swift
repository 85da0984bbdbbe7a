import Foundation
import Testing

@testable import Generators

/// Expected values were printed by OpenJDK 17.0.15.
@Suite("java.util.Random")
struct JavaRandomTests {
    @Test func integers() {
        var random = JavaRandom(seed: 42)
        #expect((0..<5).map { _ in random.nextInt(100) } == [30, 63, 48, 84, 70])
        // Nearly half of the draws are refused with this bound.
        random = JavaRandom(seed: 42)
        let large: [Int32] = [117_392_763, 102_948_884, 662_969_970, 595_021_505, 196_118_093, 969_067_502]
        #expect((0..<6).map { _ in random.nextInt(1_073_741_825) } == large)
        // A power of two takes the high bits.
        random = JavaRandom(seed: UInt64(bitPattern: -7))
        #expect((0..<5).map { _ in random.nextInt(64) } == [17, 57, 43, 60, 33])
    }

    @Test func booleansAndDoubles() {
        var random = JavaRandom(seed: 5)
        #expect((0..<8).map { _ in random.nextBoolean() } == [true, false, false, true, false, true, false, true])
        random = JavaRandom(seed: 1 << 47 | 123)
        let doubles = [0.22317421044772745, 0.4908989042278199, 0.7532930981238107]
        #expect((0..<3).map { _ in random.nextDouble() } == doubles)
    }

    @Test func gaussians() {
        var random = JavaRandom(seed: 0)
        let first = [0.8025330637390305, -0.9015460884175122, 2.080920790428163, 0.7637707684364894]
        #expect((0..<4).map { _ in random.nextGaussian() } == first)
        random = JavaRandom(seed: 9)
        var hash = Checksum()
        for _ in 0..<1_000_000 { hash.add(random.nextGaussian()) }
        #expect(hash.value == 0x16A3_3ED2_8789_301B)
    }

    @Test func logarithmOfMillionNumbers() {
        var random = JavaRandom(seed: 3)
        var hash = Checksum()
        for i in 0..<1_000_000 {
            let x = random.nextDouble()
            let argument =
                switch i % 4 {
                case 0: x * 1e-10
                case 1: 1 - x * 1e-6
                case 2: 1 + x * 1e-7
                default: x * 1e9 + 1e-300
                }
            hash.add(StrictLogarithm.natural(argument))
        }
        #expect(hash.value == 0x2C3D_2187_6EB2_F026)
    }

    @Test func logarithmOfSpecialNumbers() {
        let expected: [(Double, UInt64)] = [
            (0.5, 0xBFE6_2E42_FEFA_39EF), (1, 0), (2, 0x3FE6_2E42_FEFA_39EF), (0.1, 0xC002_6BB1_BBB5_5515),
            (0.7071067811865475, 0xBFD6_2E42_FEFA_39F1), (1.4142135623730951, 0x3FD6_2E42_FEFA_39F0),
            (0.9999999, 0xBE7A_D7F2_B104_9B9F), (1.0000001, 0x3E7A_D7F2_847B_6492), (1e-300, 0xC085_9634_47F8_7FB5),
        ]
        for (argument, bits) in expected {
            #expect(StrictLogarithm.natural(argument).bitPattern == bits, "log \(argument)")
        }
    }
}

@Suite("Hashes")
struct HashTests {
    /// The first outputs for seed state 1234567 are published with the reference code of SplitMix64.
    @Test func splitMix() {
        let gamma: UInt64 = 0x9E37_79B9_7F4A_7C15
        #expect(SplitMix64.mix(1_234_567 &+ gamma) == 6_457_827_717_110_365_317)
        #expect(SplitMix64.mix(1_234_567 &+ gamma &* 2) == 3_203_168_211_198_807_973)
    }

    @Test func byteSums() {
        #expect(ByteNormal.sum(0) == 0)
        #expect(ByteNormal.sum(.max) == ByteNormal.largestSum)
        #expect(ByteNormal.sum(0x0102_0304_0506_0708) == 36)
    }

    @Test func deviatesAreStandardised() {
        let deviates = (0..<100_000).map { ByteNormal.standardised(ByteNormal.sum(SplitMix64.mix(UInt64($0)))) }
        let mean = deviates.reduce(0, +) / 100_000
        let variance = deviates.reduce(0) { $0 + $1 * $1 } / 100_000
        #expect(abs(mean) < 0.02)
        #expect(abs(variance - 1) < 0.02)
    }
}

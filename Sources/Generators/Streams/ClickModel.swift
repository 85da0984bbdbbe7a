import Foundation

/// The hidden truth of the clicks stream: how features are drawn, and the log odds of a click.
///
/// The log odds are a sum of a weight times each numeric value, a weight for each category, a weight for each pair of
/// the categories C14 and C22, and an intercept. A category's weight is computed from a hash of (model seed, field,
/// code) whenever it is needed, so that a million categories take no memory.
struct ClickModel: Sendable {
    static let numerics = 13
    static let cardinalities = [
        1400, 550, 300_000, 150_000, 300, 20, 12_000, 600, 3, 60_000, 5000, 250_000, 3100, 26, 11_000, 200_000, 10,
        4500, 2000, 4, 220_000, 16, 15, 80_000, 80, 50_000,
    ]
    static let features = numerics + cardinalities.count

    /// Indices of C1, C6 and C10, whose weights change.
    private static let driftingFields = [0, 5, 9]
    /// Indices of C14 and C22, whose pairs have weights of their own.
    private static let pair = (13, 21)

    // Standard deviations of the hidden weights, in log odds.
    private static let numericDeviation = 0.15
    private static let codeDeviation = 0.35
    private static let pairDeviation = 0.8

    /// The value of a numeric field for each sum of bytes: a log-normal count k, then log(1 + k) to 4 decimals.
    private static let counts: [Double] = (0...ByteNormal.largestSum).map { sum in
        let count = exp(1 + 1.2 * ByteNormal.standardised(sum)).rounded(.down)
        return (log1p(count) * 10_000).rounded() / 10_000
    }

    /// What each purpose adds to the seed, so that no two purposes use the same hashes.
    private enum Purpose: UInt64 {
        case numericWeight = 0x1000
        case codeWeight = 0x2000
        case codeWeightAfterDrift = 0x3000
        case pairWeight = 0x4000
        case calibration = 0x5000
    }

    private let seed: UInt64
    private let counts = Self.counts
    private let cardinalities = Self.cardinalities.map(Double.init)
    private let numericWeights: [Double]
    private var codeKeys: [UInt64]
    private let pairKey: UInt64
    private var intercept = 0.0

    /// Draws the hidden weights, and fixes the intercept so that a fraction of the records are positive.
    init(seed: UInt64, positiveRate: Double) {
        self.seed = seed
        numericWeights = (0..<Self.numerics).map {
            ByteNormal.standardised(ByteNormal.sum(Self.key(seed, .numericWeight, $0))) * Self.numericDeviation
        }
        codeKeys = Self.cardinalities.indices.map { Self.key(seed, .codeWeight, $0) }
        pairKey = Self.key(seed, .pairWeight, 0)
        calibrate(positiveRate)
    }

    private static func key(_ seed: UInt64, _ purpose: Purpose, _ field: Int) -> UInt64 {
        SplitMix64.mix(SplitMix64.mix(seed) &+ purpose.rawValue &+ UInt64(field))
    }

    /// Replaces the weights of the drifting fields.
    mutating func drift() {
        for field in Self.driftingFields { codeKeys[field] = Self.key(seed, .codeWeightAfterDrift, field) }
    }

    /// The probability of a click.
    func probability(_ logit: Double) -> Double { 1 / (1 + exp(-logit)) }

    /// Draws all features of a record and returns the log odds.
    @inline(__always)
    func drawFeatures(into record: UnsafeMutableBufferPointer<Double>, _ random: inout SplitMix64) -> Double {
        var logit = intercept
        for i in 0..<Self.numerics {
            let value = counts[ByteNormal.sum(random.next())]
            record[i] = value
            logit += value * numericWeights[i]
        }
        var codeSum = 0
        for j in 0..<cardinalities.count {
            let code = Self.drawCode(random.next(), cardinality: cardinalities[j])
            record[Self.numerics + j] = Double(code)
            codeSum += ByteNormal.sum(SplitMix64.mix(codeKeys[j] ^ code))
        }
        logit += ByteNormal.standardised(codeSum - 1020 * (cardinalities.count - 1)) * Self.codeDeviation
        let first = UInt64(record[Self.numerics + Self.pair.0])
        let second = UInt64(record[Self.numerics + Self.pair.1])
        let pairSum = ByteNormal.sum(SplitMix64.mix(pairKey ^ (first << 32 | second)))
        return logit + ByteNormal.standardised(pairSum) * Self.pairDeviation
    }

    /// A code whose low values are frequent: cardinality * u^2.25 * v with u and v uniform. (Square roots, unlike other
    /// powers, give the same result on every platform.)
    @inline(__always)
    private static func drawCode(_ bits: UInt64, cardinality: Double) -> UInt64 {
        let u = Double(bits >> 32) * 0x1p-32
        let v = Double(bits & 0xFFFF_FFFF) * 0x1p-32
        // Below the cardinality, because u and v are below 1 by far more than a rounding error.
        return UInt64(u * u * u.squareRoot().squareRoot() * cardinality * v)
    }

    /// Bisects for the intercept at which simulated records have the wanted mean probability. The simulation depends on
    /// the model's seed only, so that all streams of a model share the intercept.
    private mutating func calibrate(_ positiveRate: Double) {
        var random = SplitMix64(seed: Self.key(seed, .calibration, 0))
        var logits: [Double] = []
        withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.features) { record in
            for _ in 0..<4096 { logits.append(drawFeatures(into: record, &random)) }
        }
        var low = -50.0
        var high = 50.0
        for _ in 0..<40 {
            let middle = (low + high) / 2
            let mean = logits.reduce(0) { $0 + probability($1 + middle) } / Double(logits.count)
            if mean < positiveRate { low = middle } else { high = middle }
        }
        intercept = (low + high) / 2
    }
}

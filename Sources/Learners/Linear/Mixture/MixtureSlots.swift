import CBytes
import Records
import State

/// What a row of features is to the three lanes of weights.
struct MixtureRow {
    /// z_l = Σ w_l x in lanes 0...2.
    let sums: SIMD4<Float>
    /// A0 = Σ x², A1 = Σ x² r with r = 1 / sqrt(n + x² + 1).
    let energy: Float
    let ratedEnergy: Float

    /// False after an overflow, which features within ±1e6 reach only in rows of absurd length.
    var isFinite: Bool { (sums.x + sums.y + sums.z + energy + ratedEnergy).isFinite }
}

/// The big table of a mixture with one output: a slot of 16 bytes {w0, w1, w2, n} for each feature index and one more
/// for the intercept, whose value is always 1.
///
/// Values are clipped to ±1e6, so that no sum of squares overflows.
final class MixtureSlots {
    static let valueLimit: Float = 1e6
    /// How many features ahead slots are fetched into the cache: some 700 ns.
    private static let lookAhead = 128

    let array: StateArray<Float>
    let scales: MixtureScales?
    private let intercept: Int
    private let interceptValue: Float
    private let prefetches: Bool
    private let scratch = MixtureScratch()

    init(slotCount: Int, intercept: Bool, isFeatureNative: Bool) {
        array = StateArray(count: slotCount + 1, lanes: 4, marksChanges: true)
        precondition(array.pageShift == Int(MixtureSlotKernel.pageShift))
        scales = isFeatureNative ? MixtureScales(slotCount: slotCount) : nil
        self.intercept = slotCount
        interceptValue = intercept ? 1 : 0
        prefetches = array.byteCount > 1 << 20
    }

    var state: [StateEntry] {
        [StateEntry("slots", array)] + (scales.map { [StateEntry("scales", $0.array)] } ?? [])
    }

    /// Pointers for one batch, which is learned from or only predicted.
    func kernel(_ features: FeatureBatch, learns: Bool) -> MixtureSlotKernel {
        let longest = longestRow(features)
        scratch.reserve(longest + 4)
        return MixtureSlotKernel(
            slots: array.bytes.assumingMemoryBound(to: SIMD4<Float>.self), pages: array.changedPages,
            indices: UnsafePointer(features.indices),
            fetchable: prefetches ? features.featureCount - Self.lookAhead - longest : -1, lookAhead: Self.lookAhead,
            intercept: UInt32(intercept), interceptValue: interceptValue,
            directions: scratch.directions, scales: scales?.kernel(features, scaled: scratch.scaled, fetches: !learns))
    }
}

/// Features of the longest row.
func longestRow(_ features: FeatureBatch) -> Int {
    var longest = 0
    for row in 0..<features.rows { longest = max(longest, features.offsets[row + 1] - features.offsets[row]) }
    return longest
}

/// Buffers for one row, recycled; no part of the state.
final class MixtureScratch {
    private var capacity = 0
    private(set) var directions: UnsafeMutablePointer<SIMD4<Float>>
    private(set) var scaled: UnsafeMutablePointer<Float>

    init() {
        directions = .allocate(capacity: 0)
        scaled = .allocate(capacity: 0)
    }

    deinit { free() }

    private func free() {
        directions.deallocate()
        scaled.deallocate()
    }

    /// Makes room for rows of `count` features.
    func reserve(_ count: Int) {
        guard count > capacity else { return }
        free()
        capacity = max(count, capacity * 2)
        directions = .allocate(capacity: capacity)
        scaled = .allocate(capacity: capacity)
    }
}

import CBytes
import Records
import State

/// The buffers of a feature batch, read once: its properties are too dear for inner loops.
struct FeatureRows {
    let count: Int
    let offsets: UnsafeMutablePointer<Int>
    let indices: UnsafeMutablePointer<UInt32>
    let values: UnsafeMutablePointer<Float>
    /// What to learn from: `values` unless the batch says otherwise.
    let learningValues: UnsafeMutablePointer<Float>
    let hasLearningValues: Bool
    let targets: UnsafeMutablePointer<Double>
    let classes: UnsafeMutablePointer<Int32>
    let weights: UnsafeMutablePointer<Float>

    init(_ features: FeatureBatch) {
        count = features.rows
        offsets = features.offsets
        indices = features.indices
        values = features.values
        learningValues = features.learningValues ?? features.values
        hasLearningValues = features.learningValues != nil
        targets = features.targets
        classes = features.classes
        weights = features.weights
    }

    @inline(__always) func range(_ row: Int) -> Range<Int> { Range(uncheckedBounds: (offsets[row], offsets[row + 1])) }

    /// Sum of squares of the values learned from, without the intercept.
    func squaredNorm(_ row: Int) -> Double {
        var sum = 0.0
        for position in range(row) {
            let value = Double(learningValues[position])
            sum += value * value
        }
        return sum
    }
}

/// The buffers of a linear table, read once a batch.
struct LinearView {
    let weights: UnsafeMutablePointer<Double>
    let changedPages: UnsafeMutablePointer<UInt8>
    let intercepts: UnsafeMutablePointer<Double>
    let clocks: UnsafeMutablePointer<Double>
    let raw: UnsafeMutablePointer<Double>
    let outputs: UnsafeMutablePointer<Double>
    let gradients: UnsafeMutablePointer<Double>
    let scales: UnsafeMutablePointer<StepScale>
    let modelCount: Int
    let lanes: Int
    /// log2 of the numbers a feature index.
    let blockShift: Int
    let penaltyLane: Int
    let sumLane: Int
    /// Whether the weights are too many for a second-level cache, so that fetching them ahead pays.
    let isLarge: Bool

    /// log2 of the numbers a page of 4 KiB.
    static var pageShift: Int { 9 }
    private static var cacheBytes: Int { 1 << 20 }

    init(_ table: LinearTable) {
        weights = table.weights.base
        changedPages = table.weights.changedPages
        intercepts = table.intercepts.base
        clocks = table.clocks.base
        raw = table.scratch.raw
        outputs = table.scratch.outputs
        gradients = table.scratch.gradients
        scales = table.scratch.scales
        modelCount = table.modelCount
        lanes = table.lanes
        blockShift = table.blockLanes.trailingZeroBitCount
        penaltyLane = table.penaltyLane
        sumLane = table.sumLane
        isLarge = table.weights.byteCount > Self.cacheBytes
    }

    @inline(__always) func clock(_ model: Int) -> Clock { Clock(clocks + model &* Clock.lanes) }

    /// The first slot of a feature index.
    @inline(__always) func block(_ index: UInt32) -> UnsafeMutablePointer<Double> {
        weights + Int(index) &<< blockShift
    }

    @inline(__always) var scores: Scores { Scores(raw: raw, outputs: outputs, clocks: clocks, count: modelCount) }

    /// Marks the pages of a block's slots as changed.
    @inline(__always) func mark(_ block: UnsafeMutablePointer<Double>) {
        let start = block - weights
        var page = start &>> Self.pageShift
        changedPages[page] = 1
        let last = (start &+ modelCount &* lanes &- 1) &>> Self.pageShift
        while page < last {
            page &+= 1
            changedPages[page] = 1
        }
    }

    /// Asks for the weights of a row that is about to come.
    func prefetch(_ rows: FeatureRows, _ row: Int) {
        for position in rows.range(row) { bytes_prefetch(block(rows.indices[position])) }
    }

    /// Scores of a row with values that are no numbers, or products too large: what is finite counts.
    func repairScores(_ rows: FeatureRows, _ row: Int) {
        for model in 0..<modelCount {
            var sum = intercepts[model &* lanes]
            for position in rows.range(row) {
                let next = sum + block(rows.indices[position])[model &* lanes] * Double(rows.values[position])
                if next.isFinite { sum = next }
            }
            raw[model] = sum
        }
    }

    /// The cumulative L1 penalty: takes from the weight what of the summed penalty it has not paid yet, at most down
    /// to 0.
    func shrink(_ slot: UnsafeMutablePointer<Double>, _ clock: Clock) {
        let old = slot[0]
        let paid = slot[penaltyLane]
        if old > 0 {
            slot[0] = max(0, old - (clock.summedPenalty + paid))
        } else if old < 0 {
            slot[0] = min(0, old + (clock.summedPenalty - paid))
        }
        slot[penaltyLane] = paid + (slot[0] - old)
    }
}

import Records

/// Appends the features of one record after another to a batch. A record that is not committed leaves nothing.
struct FeatureSink {
    /// Unowned: copies of the sink stay in registers, and cost no counting. Whoever made it holds the batch.
    private unowned(unsafe) let features: FeatureBatch
    private var indices: UnsafeMutablePointer<UInt32>
    private var values: UnsafeMutablePointer<Float>
    private var capacity: Int
    /// Features in the buffers, those of the current record included.
    private(set) var count: Int

    init(_ features: FeatureBatch) {
        self.features = features
        indices = features.indices
        values = features.values
        capacity = features.featureCapacity
        features.offsets[0] = 0
        count = features.offsets[features.rows]
    }

    @inline(__always)
    mutating func append(_ index: UInt32, _ value: Float) {
        if count == capacity { grow() }
        indices[count] = index
        values[count] = value
        count &+= 1
    }

    /// The same without a branch on the value: zeros come when they like.
    @inline(__always)
    mutating func appendUnlessZero(_ index: UInt32, _ value: Float) {
        if count == capacity { grow() }
        indices[count] = index
        values[count] = value
        count &+= value == 0 ? 0 : 1
    }

    @inline(never)
    private mutating func grow() {
        features.reserveFeatures(count + 1, keeping: count)
        indices = features.indices
        values = features.values
        capacity = features.featureCapacity
    }

    /// Forgets what an abandoned attempt at the current record appended.
    @inline(__always)
    mutating func beginRow() { count = features.offsets[features.rows] }

    /// The current record becomes a row.
    @inline(__always)
    mutating func commitRow() {
        features.rows &+= 1
        features.offsets[features.rows] = count
    }
}

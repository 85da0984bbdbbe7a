import Records

/// Appends the features of one record after another to a batch. A record that is not committed leaves nothing.
struct FeatureSink {
    /// Unmanaged: copies of the sink stay in registers, and cost no counting. Whoever made it holds the batch.
    private let features: Unmanaged<FeatureBatch>
    private let offsets: UnsafeMutablePointer<Int>
    private var indices: UnsafeMutablePointer<UInt32>
    private var values: UnsafeMutablePointer<Float>
    private var capacity: Int
    private var rows: Int
    /// Features in the buffers, those of the current record included.
    private(set) var count: Int

    init(_ features: FeatureBatch) {
        self.features = Unmanaged.passUnretained(features)
        offsets = features.offsets
        indices = features.indices
        values = features.values
        capacity = features.featureCapacity
        rows = features.rows
        offsets[0] = 0
        count = offsets[rows]
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
        let batch = features.takeUnretainedValue()
        batch.reserveFeatures(count + 1, keeping: count)
        indices = batch.indices
        values = batch.values
        capacity = batch.featureCapacity
    }

    /// Forgets what an abandoned attempt at the current record appended.
    @inline(__always)
    mutating func beginRow() { count = offsets[rows] }

    /// The current record becomes a row, once `end` is called.
    @inline(__always)
    mutating func commitRow() {
        rows &+= 1
        offsets[rows] = count
    }

    /// Hands the rows over to the batch.
    func end() { features.takeUnretainedValue().rows = rows }
}

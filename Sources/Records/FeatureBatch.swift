/// Rows of (index, value) in one flat buffer, with targets and weights: what learners see.
///
/// Learners that see fields as they are find them in `attributes` instead; then the rows have no features.
/// Row r's features are `offsets[r] ..< offsets[r + 1]`. Owned by one thread at a time, recycled.
public final class FeatureBatch: @unchecked Sendable {
    public let capacity: Int
    @exclusivity(unchecked) public var rows = 0
    public let offsets: UnsafeMutablePointer<Int>
    @exclusivity(unchecked) public private(set) var indices: UnsafeMutablePointer<UInt32>
    @exclusivity(unchecked) public private(set) var values: UnsafeMutablePointer<Float>
    /// Values to learn from where they differ from those to predict with (transformers that learn before the
    /// learner does, as River's pipelines); nil = `values`.
    @exclusivity(unchecked) public private(set) var learningValues: UnsafeMutablePointer<Float>?
    /// Room for features.
    public private(set) var featureCapacity: Int
    /// Numbers a row in `attributes`; 0 = the learner sees features.
    @exclusivity(unchecked) public private(set) var attributeCount = 0
    /// Row r's attributes stand at `attributes + r * attributeCount`; numbers, codes of nominal values, NaN = missing.
    @exclusivity(unchecked) public private(set) var attributes: UnsafeMutablePointer<Double>
    /// Attributes to learn from where they differ from those to predict with; nil = `attributes`.
    @exclusivity(unchecked) public private(set) var learningAttributes: UnsafeMutablePointer<Double>?
    /// Regression: the target, NaN = unknown. Classification: unused.
    public let targets: UnsafeMutablePointer<Double>
    /// Classification: the class index, -1 = unknown. Regression: unused.
    public let classes: UnsafeMutablePointer<Int32>
    /// Targets beyond the first, for several outputs; 0 = there is one.
    @exclusivity(unchecked) public private(set) var furtherTargetCount = 0
    /// Row r's further targets stand at `furtherTargets + r * furtherTargetCount`: numbers, or class indices; NaN = unknown.
    @exclusivity(unchecked) public private(set) var furtherTargets: UnsafeMutablePointer<Double>
    /// Importance; 1 = normal.
    public let weights: UnsafeMutablePointer<Float>
    /// Runs of features by namespace, kept only when crosses by namespace are asked for.
    public var spans: [NamespaceSpan] = []
    /// Spans of row r: `spanEnds[r - 1] ..< spanEnds[r]`.
    public var spanEnds: [Int] = []

    public init(capacity: Int, featuresPerRow: Int = 48) {
        self.capacity = capacity
        featureCapacity = capacity * featuresPerRow
        offsets = .allocate(capacity: capacity + 1)
        offsets[0] = 0
        indices = .allocate(capacity: featureCapacity)
        values = .allocate(capacity: featureCapacity)
        attributes = .allocate(capacity: 1)
        furtherTargets = .allocate(capacity: 1)
        targets = .allocate(capacity: capacity)
        classes = .allocate(capacity: capacity)
        weights = .allocate(capacity: capacity)
    }

    deinit {
        offsets.deallocate()
        indices.deallocate()
        values.deallocate()
        learningValues?.deallocate()
        attributes.deallocate()
        learningAttributes?.deallocate()
        furtherTargets.deallocate()
        targets.deallocate()
        classes.deallocate()
        weights.deallocate()
    }

    public func recycle() {
        rows = 0
        spans.removeAll(keepingCapacity: true)
        spanEnds.removeAll(keepingCapacity: true)
    }

    /// Features of all rows.
    public var featureCount: Int { offsets[rows] }

    /// Features of a row, or its attributes.
    @inlinable public func featureCount(of row: Int) -> Int {
        attributeCount > 0 ? attributeCount : offsets[row + 1] - offsets[row]
    }

    /// Makes room for `count` attributes a row; what is there is lost when the number changes.
    public func reserveAttributes(_ count: Int) {
        guard count != attributeCount else { return }
        attributes.deallocate()
        attributes = .allocate(capacity: max(capacity * count, 1))
        learningAttributes?.deallocate()
        learningAttributes = nil
        attributeCount = count
    }

    /// Makes room for `count` further targets a row; what is there is lost when the number changes.
    public func reserveFurtherTargets(_ count: Int) {
        guard count != furtherTargetCount else { return }
        furtherTargets.deallocate()
        furtherTargets = .allocate(capacity: max(capacity * count, 1))
        furtherTargets.initialize(repeating: .nan, count: max(capacity * count, 1))
        furtherTargetCount = count
    }

    /// Provides `learningAttributes`.
    public func provideLearningAttributes() -> UnsafeMutablePointer<Double> {
        if let there = learningAttributes { return there }
        let made = UnsafeMutablePointer<Double>.allocate(capacity: max(capacity * attributeCount, 1))
        learningAttributes = made
        return made
    }

    /// Makes room for `needed` features in all, keeping the first `kept`.
    public func reserveFeatures(_ needed: Int, keeping kept: Int) {
        guard needed > featureCapacity else { return }
        let grown = max(needed, featureCapacity * 2)
        indices = Self.regrow(indices, kept, grown)
        values = Self.regrow(values, kept, grown)
        if let old = learningValues { learningValues = Self.regrow(old, kept, grown) }
        featureCapacity = grown
    }

    /// Takes a row out; later rows move up.
    public func removeRow(_ row: Int) {
        let start = offsets[row]
        let count = offsets[row + 1] - start
        let after = offsets[rows] - offsets[row + 1]
        (indices + start).update(from: indices + start + count, count: after)
        (values + start).update(from: values + start + count, count: after)
        for later in row + 1..<rows { offsets[later] = offsets[later + 1] - count }
        if !spanEnds.isEmpty {
            let first = row > 0 ? spanEnds[row - 1] : 0
            let removed = spanEnds[row] - first
            spans.removeSubrange(first..<first + removed)
            for later in first..<spans.count { spans[later] = spans[later].moved(by: -count) }
            spanEnds.remove(at: row)
            for later in row..<spanEnds.count { spanEnds[later] -= removed }
        }
        for block in [attributes, learningAttributes].compactMap({ $0 }) where attributeCount > 0 {
            (block + row * attributeCount).update(
                from: block + (row + 1) * attributeCount, count: (rows - row - 1) * attributeCount)
        }
        if furtherTargetCount > 0 {
            (furtherTargets + row * furtherTargetCount).update(
                from: furtherTargets + (row + 1) * furtherTargetCount, count: (rows - row - 1) * furtherTargetCount)
        }
        rows -= 1
    }

    /// Makes this batch a copy of some rows of another, without namespace spans.
    public func copyRows(_ range: Range<Int>, of source: FeatureBatch) {
        recycle()
        let start = source.offsets[range.lowerBound]
        let count = source.offsets[range.upperBound] - start
        reserveFeatures(count, keeping: 0)
        indices.update(from: source.indices + start, count: count)
        values.update(from: source.values + start, count: count)
        if let learning = source.learningValues {
            allocateLearningValues()
            learningValues?.update(from: learning + start, count: count)
        }
        copyAttributes(range, of: source)
        reserveFurtherTargets(source.furtherTargetCount)
        furtherTargets.update(
            from: source.furtherTargets + range.lowerBound * furtherTargetCount,
            count: range.count * furtherTargetCount)
        for row in 0...range.count { offsets[row] = source.offsets[range.lowerBound + row] - start }
        targets.update(from: source.targets + range.lowerBound, count: range.count)
        classes.update(from: source.classes + range.lowerBound, count: range.count)
        weights.update(from: source.weights + range.lowerBound, count: range.count)
        rows = range.count
    }

    private func copyAttributes(_ range: Range<Int>, of source: FeatureBatch) {
        reserveAttributes(source.attributeCount)
        guard attributeCount > 0 else { return }
        let (first, count) = (range.lowerBound * attributeCount, range.count * attributeCount)
        attributes.update(from: source.attributes + first, count: count)
        guard let learning = source.learningAttributes else {
            learningAttributes?.deallocate()
            learningAttributes = nil
            return
        }
        provideLearningAttributes().update(from: learning + first, count: count)
    }

    /// Appends a row of features; its target, class and weight are for the caller to set.
    public func appendRow(
        _ count: Int, fill: (UnsafeMutablePointer<UInt32>, UnsafeMutablePointer<Float>) -> Void
    ) {
        let start = featureCount
        reserveFeatures(start + count, keeping: start)
        fill(indices + start, values + start)
        rows += 1
        offsets[rows] = start + count
    }

    /// Provides `learningValues`.
    public func allocateLearningValues() {
        if learningValues == nil { learningValues = .allocate(capacity: featureCapacity) }
    }

    private static func regrow<T: BitwiseCopyable>(
        _ old: UnsafeMutablePointer<T>, _ kept: Int, _ capacity: Int
    ) -> UnsafeMutablePointer<T> {
        let new = UnsafeMutablePointer<T>.allocate(capacity: capacity)
        new.initialize(from: old, count: kept)
        old.deallocate()
        return new
    }
}

/// A run of features of one namespace inside a row.
public struct NamespaceSpan: Sendable {
    /// The namespace's first byte, Vowpal Wabbit's name for it in interactions.
    public let initial: UInt8
    public let start: Int
    public let end: Int

    public init(initial: UInt8, start: Int, end: Int) {
        self.initial = initial
        self.start = start
        self.end = end
    }

    func moved(by distance: Int) -> NamespaceSpan {
        NamespaceSpan(initial: initial, start: start + distance, end: end + distance)
    }
}

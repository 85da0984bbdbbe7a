import State

/// The few numbers that all weights share, in one named array: a fixed head, then two for every class.
struct VowpalScalars {
    /// Sum of the importances learned, plus the initial time.
    static let time = 0
    /// Predictions are clipped to the labels seen so far.
    static let minimum = 1
    static let maximum = 2
    /// The weights' common factor and threshold, which L2 and L1 regularization move.
    static let contraction = 3
    static let gravity = 4
    /// The last multiplier of normalized steps.
    static let multiplier = 5
    static let classCount = 6
    static let head = 8

    let base: UnsafeMutablePointer<Double>

    @inline(__always) var minimum: Float { Float(base[Self.minimum]) }
    @inline(__always) var maximum: Float { Float(base[Self.maximum]) }

    /// The class's sum of importance times squared normalized features.
    @inline(__always) func normSum(_ column: Int) -> UnsafeMutablePointer<Double> { base + (Self.head + 2 * column) }
    /// The class's sum of importance.
    @inline(__always) func weightSum(_ column: Int) -> UnsafeMutablePointer<Double> {
        base + (Self.head + 2 * column + 1)
    }

    /// Widens the range of predictions to a label.
    @inline(__always)
    func widen(_ label: Float) {
        if Double(label) < base[Self.minimum] { base[Self.minimum] = Double(label) }
        if Double(label) > base[Self.maximum] { base[Self.maximum] = Double(label) }
    }

    /// A raw score as a prediction; NaN is 0.
    @inline(__always)
    func clip(_ raw: Float) -> Float {
        if raw.isNaN { return 0 }
        return raw > maximum ? maximum : raw < minimum ? minimum : raw
    }
}

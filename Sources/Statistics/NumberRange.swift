/// Where most of a field's numbers lie: the middle 80 %, and the median.
public struct NumberRange: Sendable, Equatable {
    /// The 10 % quantile.
    public var low: Double
    public var median: Double
    /// The 90 % quantile.
    public var high: Double

    /// So many times as large, or as far away, is another scale.
    private static let ratio = 5.0

    public init(low: Double, median: Double, high: Double) {
        self.low = low
        self.median = median
        self.high = high
    }

    /// Whether other numbers are of another scale: the middle half of them lies outside this range, and their median is 5
    /// times as large as its ends, a fifth as large, or 5 times its width away. Noise and gradual change are not.
    ///
    /// - Parameters:
    ///   - lower: the other numbers' 25 % quantile.
    ///   - median: their median.
    ///   - upper: their 75 % quantile.
    public func isOtherScale(lower: Double, median other: Double, upper: Double) -> Bool {
        guard upper < low || lower > high else { return false }
        let (size, large, small) = (abs(other), max(abs(low), abs(high)), min(abs(low), abs(high)))
        if size >= Self.ratio * large { return true }
        if low > 0 || high < 0, size <= small / Self.ratio { return true }
        // In halves, because the difference of two large numbers overflows.
        let width = high / 2 - low / 2
        return width > 0 && abs(other / 2 - median / 2) > Self.ratio * width
    }
}

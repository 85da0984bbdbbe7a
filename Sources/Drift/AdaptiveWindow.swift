import Glibc

/// ADWIN: a window of the latest values that grows while they are alike and drops its older part when two parts of it
/// have different means (Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, SDM 2007: ADWIN2).
///
/// This is the rule alone. A window is `scalarCount` numbers that the caller owns, so that thousands of windows can lie
/// side by side in one state array; all zero = empty. Nothing is allocated. Cost: a few divisions a value, and every
/// `clock` values a pass over the buckets, whose number grows with the logarithm of the window's length.
///
/// Values lie in buckets of 1, 2, 4, ... values, `bucketsPerRow` of a size (exponential histogram, with the variance
/// inside each after Babcock et al., PODS 2003). At a cut between buckets, with n0 older and n1 newer values, a change
/// is detected when |mean0 - mean1| > sqrt(2 m v d) + 2/3 d m, m = 1 / (n0 - l + 1) + 1 / (n1 - l + 1), v the window's
/// variance, d = ln(2 ln(n) / delta), l the minimum length.
public struct AdaptiveWindow: Sendable {
    /// Which changes are signals. The window drops its older part at every change.
    public enum Direction: String, Sendable, CaseIterable {
        case both
        /// The window's mean rose, as it does when errors increase.
        case up
        case down
    }

    /// Which cuts are looked at, and what becomes of the window at a drift.
    public enum Rule: String, Sendable, CaseIterable {
        /// The authors' implementation (MOA): all cuts with two values more than the minimum length on each side.
        case moa
        /// River: all cuts with the minimum length on each side; after a drift the window starts empty.
        case river
    }

    /// Significance: smaller = fewer and later detections.
    public var delta: Double
    /// Cuts are looked at every so many values.
    public var clock: Int
    public var bucketsPerRow: Int
    /// The shortest part of the window whose mean counts.
    public var minimumLength: Int
    /// The window must be longer than this before cuts are looked at.
    public var gracePeriod: Int
    public var direction: Direction
    public var rule: Rule
    /// Sizes of buckets: the window holds about `bucketsPerRow` · 2^rows values; beyond that the oldest are dropped.
    public var rows: Int

    public init(
        delta: Double = 0.002, clock: Int = 32, bucketsPerRow: Int = 5, minimumLength: Int = 5, gracePeriod: Int = 10,
        direction: Direction = .both, rule: Rule = .moa, rows: Int = 32
    ) {
        self.delta = delta
        self.clock = max(1, clock)
        self.bucketsPerRow = max(1, bucketsPerRow)
        self.minimumLength = max(1, minimumLength)
        self.gracePeriod = max(1, gracePeriod)
        self.direction = direction
        self.rule = rule
        self.rows = max(1, min(rows, 48))
    }

    /// Scalars of one window.
    public var scalarCount: Int { Self.rowsOffset + rows * rowStride }

    /// A row: the number of its buckets, their totals, their sums of squared deviations; the oldest first.
    private var rowStride: Int { 1 + 2 * (bucketsPerRow + 1) }

    private static let ticks = 0
    private static let width = 1
    private static let total = 2
    private static let deviation = 3
    /// Index of the last row in use.
    private static let lastRow = 4
    /// 1: forget everything before the next value.
    private static let stale = 5
    private static let rowsOffset = 6

    /// Values in the window.
    public func width(_ window: UnsafePointer<Double>) -> Double { window[Self.width] }

    /// Mean of the window; 0 when it is empty.
    public func mean(_ window: UnsafePointer<Double>) -> Double {
        window[Self.width] > 0 ? window[Self.total] / window[Self.width] : 0
    }

    /// Variance of the window; 0 when it is empty.
    public func variance(_ window: UnsafePointer<Double>) -> Double {
        window[Self.width] > 0 ? max(0, window[Self.deviation] / window[Self.width]) : 0
    }

    /// Sum of the window.
    public func total(_ window: UnsafePointer<Double>) -> Double { window[Self.total] }

    public func reset(_ window: UnsafeMutablePointer<Double>) {
        window.update(repeating: 0, count: scalarCount)
    }

    /// Takes a value; true = a change that is a signal.
    public func update(_ window: UnsafeMutablePointer<Double>, _ value: Double) -> Bool {
        guard let value = watched(value) else { return false }
        if window[Self.stale] != 0 { reset(window) }
        let before = mean(window)
        let isFirst = window[Self.width] == 0
        insert(window, value)
        window[Self.ticks] += 1
        guard Int(window[Self.ticks]) % clock == 0, window[Self.width] > Double(gracePeriod) else { return false }
        var changed = false
        while differs(window) {
            dropOldest(window)
            changed = true
        }
        guard changed else { return false }
        let after = mean(window)
        let isSignal = direction == .both || !isFirst && (direction == .up ? after > before : after < before)
        if isSignal, rule == .river { window[Self.stale] = 1 }
        return isSignal
    }

    private func row(_ window: UnsafeMutablePointer<Double>, _ index: Int) -> UnsafeMutablePointer<Double> {
        window + Self.rowsOffset + index * rowStride
    }

    private func insert(_ window: UnsafeMutablePointer<Double>, _ value: Double) {
        let newest = row(window, 0)
        append(newest, value, 0)
        let width = window[Self.width] + 1
        window[Self.width] = width
        if width > 1 {
            let distance = value - window[Self.total] / (width - 1)
            window[Self.deviation] += (width - 1) * distance * distance / width
        }
        window[Self.total] += value
        merge(window)
    }

    private func append(_ row: UnsafeMutablePointer<Double>, _ total: Double, _ deviation: Double) {
        let count = Int(row[0])
        row[1 + count] = total
        row[2 + bucketsPerRow + count] = deviation
        row[0] += 1
    }

    /// Removes the `count` oldest buckets of a row.
    private func remove(_ row: UnsafeMutablePointer<Double>, _ count: Int) {
        let kept = Int(row[0]) - count
        let totals = row + 1
        let deviations = row + 2 + bucketsPerRow
        for index in 0..<kept {
            totals[index] = totals[index + count]
            deviations[index] = deviations[index + count]
        }
        for index in kept..<kept + count {
            totals[index] = 0
            deviations[index] = 0
        }
        row[0] = Double(kept)
    }

    /// Two buckets of a row that has one too many become one of the next.
    private func merge(_ window: UnsafeMutablePointer<Double>) {
        var index = 0
        var size = 1.0
        while true {
            let full = row(window, index)
            guard Int(full[0]) == bucketsPerRow + 1 else { return }
            if index == rows - 1 {
                dropOldest(window)
                return
            }
            if index == Int(window[Self.lastRow]) { window[Self.lastRow] += 1 }
            let distance = full[1] / size - full[2] / size
            let between = size * size * distance * distance / (size + size)
            append(
                row(window, index + 1), full[1] + full[2],
                full[2 + bucketsPerRow] + full[3 + bucketsPerRow] + between)
            remove(full, 2)
            index += 1
            size *= 2
        }
    }

    /// Removes the oldest bucket.
    private func dropOldest(_ window: UnsafeMutablePointer<Double>) {
        let index = Int(window[Self.lastRow])
        let oldest = row(window, index)
        let size = Double(1 << index)
        let width = window[Self.width] - size
        window[Self.width] = width
        window[Self.total] -= oldest[1]
        if width > 0 {
            let distance = oldest[1] / size - window[Self.total] / width
            window[Self.deviation] -= oldest[2 + bucketsPerRow] + size * width * distance * distance / (size + width)
        } else {
            window[Self.total] = 0
            window[Self.deviation] = 0
        }
        remove(oldest, 1)
        if oldest[0] == 0, index > 0 { window[Self.lastRow] -= 1 }
    }

    /// True: there is a cut whose sides have different means.
    private func differs(_ window: UnsafeMutablePointer<Double>) -> Bool {
        let width = window[Self.width]
        let length = Double(minimumLength)
        let leastLength = rule == .moa ? length + 2 : length
        guard width >= 2 * leastLength else { return false }
        let logarithm = log(2 * log(width) / delta)
        let variance = window[Self.deviation] / width
        var older = 0.0
        var newer = width
        var olderTotal = 0.0
        var newerTotal = window[Self.total]
        var index = Int(window[Self.lastRow])
        while index >= 0 {
            let buckets = row(window, index)
            let size = Double(1 << index)
            let count = Int(buckets[0]) - (index == 0 ? 1 : 0)
            for bucket in 0..<max(0, count) {
                older += size
                newer -= size
                olderTotal += buckets[1 + bucket]
                newerTotal -= buckets[1 + bucket]
                guard older >= leastLength, newer >= leastLength else { continue }
                let distance = abs(olderTotal / older - newerTotal / newer)
                let m = 1 / (older - length + 1) + 1 / (newer - length + 1)
                if distance > (2 * m * variance * logarithm).squareRoot() + 2 / 3 * logarithm * m { return true }
            }
            index -= 1
        }
        return false
    }
}

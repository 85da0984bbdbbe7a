import State

/// The latest time of a stream's records, which a few wrong ones from far in the future do not move.
public final class EventClock: Stateful {
    /// 1 once there was a time, the latest time, jumps in a row that were taken for errors.
    private let clock: StateArray<Double>
    private let ahead: Double

    /// So many jumps in a row are the time that it is.
    private static let jumps = 10.0

    /// - Parameter ahead: seconds; a jump further than this is taken for an error.
    public init(ahead: Double) {
        self.ahead = ahead
        clock = StateArray(count: 3)
    }

    public var state: [StateEntry] { [StateEntry("clock", clock)] }

    /// Seconds since 1970; nil before the first time.
    public var latest: Double? { clock.base[0] > 0 ? clock.base[1] : nil }

    /// Takes a record's time, which moves the clock on unless it is an error.
    ///
    /// - Returns: seconds that the record lies behind the latest; negative: so far ahead that it is taken for an error;
    ///   0 for what is no time.
    public func note(_ now: Double) -> Double {
        guard now.isFinite else { return 0 }
        if clock.base[0] == 0 {
            clock.base[0] = 1
            clock.base[1] = now
            return 0
        }
        if now - clock.base[1] > ahead {
            clock.base[2] += 1
            guard clock.base[2] >= Self.jumps else { return clock.base[1] - now }
        }
        clock.base[2] = 0
        clock.base[1] = max(clock.base[1], now)
        return clock.base[1] - now
    }
}

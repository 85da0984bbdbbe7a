/// Reading times: ISO 8601 and epochs; and what day that is (Howard Hinnant's civil-date algorithms).
public enum Timestamp {
    public enum Unit: String, CaseIterable, Sendable {
        case auto, iso, s, ms, us, ns

        /// By the size of a number since 1970: below 10^11 seconds, 10^14 milliseconds, 10^17 microseconds, else
        /// nanoseconds (right from 1973 to 5138).
        public init(ofSize value: Double) {
            let size = abs(value)
            self = size < 1e11 ? .s : size < 1e14 ? .ms : size < 1e17 ? .us : .ns
        }

        /// How many make a second.
        public var perSecond: Double {
            switch self {
            case .ms: 1e3
            case .us: 1e6
            case .ns: 1e9
            case .auto, .iso, .s: 1
            }
        }
    }

    /// Year 1 to 9999.
    private static let range = -62_135_596_800.0..<253_402_300_800.0

    /// Seconds since 1970 in universal time; nil: no time.
    ///
    /// With `auto`, a number is an epoch whose unit follows from its size, other text is ISO 8601.
    public static func seconds(_ text: UnsafeBufferPointer<UInt8>, _ unit: Unit) -> Double? {
        guard text.count > 0, text.count <= 64 else { return nil }
        if unit == .iso { return iso(text) }
        let string = String(decoding: text, as: UTF8.self)
        if let number = Double(string), number.isFinite {
            let seconds = number / (unit == .auto ? Unit(ofSize: number) : unit).perSecond
            return range.contains(seconds) ? seconds : nil
        }
        return unit == .auto ? iso(text) : nil
    }

    /// `2026-11-21`, `2026-11-21T15:16:59.123Z`, `2026-11-21 15:16+01:00`; also without separators. A time without zone is
    /// universal.
    ///
    /// - Parameter allowsBasic: also without separators in the date: `20261121`.
    public static func iso(_ text: UnsafeBufferPointer<UInt8>, allowsBasic: Bool = true) -> Double? {
        var reader = Reader(text: text)
        guard let year = reader.digits(4), year > 0 else { return nil }
        let isExtended = reader.take(UInt8(ascii: "-"))
        guard isExtended || allowsBasic, let month = reader.digits(2), (1...12).contains(month),
            !isExtended || reader.take(UInt8(ascii: "-")),
            let day = reader.digits(2), day >= 1, day <= length(year, month)
        else { return nil }
        var seconds = Double(days(year, month, day)) * 86_400
        guard !reader.isAtEnd else { return seconds }
        guard reader.take(UInt8(ascii: "T")) || reader.take(UInt8(ascii: "t")) || reader.take(UInt8(ascii: " ")),
            let hour = reader.digits(2), hour <= 24
        else { return nil }
        seconds += Double(hour) * 3600
        if reader.startsMinute() {
            guard let minute = reader.digits(2), minute < 60 else { return nil }
            seconds += Double(minute) * 60
            if reader.startsMinute() {
                // 60: a leap second, which is the next minute's first.
                guard let second = reader.digits(2), second <= 60 else { return nil }
                seconds += Double(second) + reader.fraction()
            }
        }
        guard let zone = reader.zone(), reader.isAtEnd else { return nil }
        return seconds - zone
    }

    private struct Reader {
        let text: UnsafeBufferPointer<UInt8>
        var at = 0

        init(text: UnsafeBufferPointer<UInt8>) { self.text = text }

        var isAtEnd: Bool { at == text.count }
        private var next: UInt8 { at < text.count ? text[at] : 0 }
        private var isDigit: Bool { next &- 0x30 <= 9 }

        mutating func take(_ byte: UInt8) -> Bool {
            guard next == byte, !isAtEnd else { return false }
            at += 1
            return true
        }

        mutating func digits(_ count: Int) -> Int? {
            var value = 0
            for _ in 0..<count {
                guard isDigit else { return nil }
                value = value * 10 + Int(next - 0x30)
                at += 1
            }
            return value
        }

        /// Whether minutes or seconds follow, with a colon or without.
        mutating func startsMinute() -> Bool { take(UInt8(ascii: ":")) || isDigit }

        mutating func fraction() -> Double {
            guard take(UInt8(ascii: ".")) || take(UInt8(ascii: ",")) else { return 0 }
            var value = 0.0
            var scale = 0.1
            while isDigit {
                value += Double(next - 0x30) * scale
                scale /= 10
                at += 1
            }
            return value
        }

        /// Seconds east of universal time; nil: not well formed.
        mutating func zone() -> Double? {
            if isAtEnd || take(UInt8(ascii: "Z")) || take(UInt8(ascii: "z")) { return 0 }
            let isWest = take(UInt8(ascii: "-"))
            guard isWest || take(UInt8(ascii: "+")), let hours = digits(2), hours < 24 else { return nil }
            var minutes = 0
            if startsMinute() {
                guard let given = digits(2), given < 60 else { return nil }
                minutes = given
            }
            return Double(hours * 3600 + minutes * 60) * (isWest ? -1 : 1)
        }
    }

    // MARK: Calendar

    /// Days since 1970-01-01.
    public static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let ofEra = year - era * 400
        let ofYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + ofEra * 365 + ofEra / 4 - ofEra / 100 + ofYear - 719_468
    }

    public static func date(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let ofEra = shifted - era * 146_097
        let years = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * years + years / 4 - years / 100)
        let month = (5 * ofYear + 2) / 153
        let day = ofYear - (153 * month + 2) / 5 + 1
        let civil = month < 10 ? month + 3 : month - 9
        return (years + era * 400 + (civil <= 2 ? 1 : 0), civil, day)
    }

    private static func length(_ year: Int, _ month: Int) -> Int {
        let next = month == 12 ? days(year + 1, 1, 1) : days(year, month + 1, 1)
        return next - days(year, month, 1)
    }
}

import Components
import Glibc
import Records
import State

/// Parts of a time as new number fields NAME_PART, or as points on a circle, NAME_PART_sin and NAME_PART_cos, so that
/// hour 23 lies beside hour 0; whether the day is in a list of holidays. What is no time is missing. Learns nothing but
/// how many were none.
final class TimeFields: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "time", "parts of a time as new fields: hour, weekday, month ...",
            fields: [
                HyperparameterField("fields", .names, default: "", "the fields with times"),
                HyperparameterField(
                    "unit", .choice(Timestamp.Unit.allCases.map(\.rawValue)), default: "auto",
                    "ISO 8601 or the epoch's unit; auto goes by the look of it"),
                HyperparameterField(
                    "parts", .names, default: "hour+weekday",
                    Timestamp.Part.allCases.map(\.rawValue).joined(separator: "+") + " or some of them"),
                HyperparameterField("cyclical", .boolean, default: "false", "as sine and cosine where it comes round"),
                HyperparameterField(
                    "offset", .number(-1440...1440), default: "0", "minutes of local time east of universal time"),
                HyperparameterField(
                    "holidays", .names, default: "", "days as 2026-12-25+2027-01-01, every year's as 12-25"),
            ]), rawFields: ["fields"]
    ) { parameters, layout throws(SettingError) in
        var parts: [Timestamp.Part] = []
        for name in parameters["parts"].split(separator: "+").map(String.init) {
            guard let part = Timestamp.Part(rawValue: name) else {
                throw SettingError(
                    "time: there is no part '\(name)'" + didYouMean(name, Timestamp.Part.allCases.map(\.rawValue)))
            }
            parts.append(part)
        }
        let holidays = try Holidays(parameters["holidays"])
        let columns = try layout.raws(parameters["fields"], "time")
        var made: [Int] = []
        for column in columns {
            let field = layout.rawNames[column]
            var first: Int?
            for part in parts {
                let isRound = parameters.boolean("cyclical") && part.period != nil
                for suffix in isRound ? ["_sin", "_cos"] : [""] {
                    let place = try layout.addNumber("\(field)_\(part.rawValue)\(suffix)")
                    first = first ?? place
                }
            }
            if !holidays.isEmpty {
                let place = try layout.addNumber("\(field)_holiday")
                first = first ?? place
            }
            made.append(first ?? 0)
        }
        return TimeFields(
            columns: columns, made: made, parts: parts, isCyclical: parameters.boolean("cyclical"),
            unit: Timestamp.Unit(rawValue: parameters["unit"]) ?? .auto, offset: parameters.double("offset") * 60,
            holidays: holidays)
    }

    /// Days that are named one by one, or come every year.
    struct Holidays {
        private var days: Set<Int> = []
        private var yearly: Set<Int> = []

        init(_ list: String) throws(SettingError) {
            for text in list.split(separator: "+").map(String.init) {
                var full = text.utf8.count == 5 ? "2000-" + text : text
                guard let seconds = full.withUTF8({ Timestamp.iso($0) }), text.utf8.count == 5 || text.utf8.count == 10
                else { throw SettingError("time: holidays: '\(text)' is no day; say 2026-12-25 or 12-25") }
                let day = Int(seconds / 86_400)
                if text.utf8.count == 10 { days.insert(day) } else { yearly.insert(Self.ofYear(day)) }
            }
        }

        var isEmpty: Bool { days.isEmpty && yearly.isEmpty }

        func contains(_ day: Int) -> Bool { days.contains(day) || yearly.contains(Self.ofYear(day)) }

        private static func ofYear(_ day: Int) -> Int {
            let date = Timestamp.date(day)
            return date.month * 100 + date.day
        }
    }

    private let columns: [Int]
    /// The first of each field's new columns.
    private let made: [Int]
    private let parts: [Timestamp.Part]
    private let isCyclical: Bool
    private let unit: Timestamp.Unit
    /// Seconds.
    private let offset: Double
    private let holidays: Holidays
    private let failures: StateArray<UInt64>

    init(
        columns: [Int], made: [Int], parts: [Timestamp.Part], isCyclical: Bool, unit: Timestamp.Unit, offset: Double,
        holidays: Holidays
    ) {
        self.columns = columns
        self.made = made
        self.parts = parts
        self.isCyclical = isCyclical
        self.unit = unit
        self.offset = offset
        self.holidays = holidays
        failures = StateArray(count: 1)
    }

    var state: [StateEntry] { [StateEntry("failures", failures)] }
    var notes: [StepNote] { [StepNote("unreadable", count: failures[0])] }

    func process(_ records: RecordView) {
        for (column, first) in zip(columns, made) {
            for row in 0..<records.batch.rows {
                let bytes = records.raw(column, row)
                let time = Timestamp.seconds(bytes.buffer, unit).map { $0 + offset }
                if time == nil, bytes.count > 0, records.isLearned(row) { failures[0] += 1 }
                write(time, records, row, first)
            }
        }
    }

    private func write(_ time: Double?, _ records: RecordView, _ row: Int, _ first: Int) {
        var column = first
        for part in parts {
            let value = time.map { part.value($0) } ?? .nan
            if isCyclical, let period = part.period {
                let angle = 2 * Double.pi * (value - part.first) / period
                records.setNumber(column, row, sin(angle))
                records.setNumber(column + 1, row, cos(angle))
                column += 2
            } else {
                // An epoch is one for all zones.
                records.setNumber(column, row, part == .epoch ? value - offset : value)
                column += 1
            }
        }
        guard !holidays.isEmpty else { return }
        let day = time.map { Int(($0 / 86_400).rounded(.down)) }
        records.setNumber(column, row, day.map { holidays.contains($0) ? 1 : 0 } ?? .nan)
    }
}

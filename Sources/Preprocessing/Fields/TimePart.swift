import Records

extension Timestamp {
    /// Parts of a time as numbers, with how many there are of each (for the circle).
    enum Part: String, CaseIterable {
        case epoch, second, minute, hour, weekday, day, yearday, month, quarter, year, weekend

        /// The period; nil: it does not come round.
        var period: Double? {
            switch self {
            case .epoch, .year, .weekend: nil
            case .second, .minute: 60
            case .hour: 24
            case .weekday: 7
            case .day: 31
            case .yearday: 366
            case .month: 12
            case .quarter: 4
            }
        }

        /// The smallest value.
        var first: Double {
            switch self {
            case .day, .yearday, .month, .quarter: 1
            case .epoch, .second, .minute, .hour, .weekday, .year, .weekend: 0
            }
        }

        /// - Parameter seconds: since 1970, in local time. Weekdays count from Monday = 0.
        func value(_ seconds: Double) -> Double {
            let day = (seconds / 86_400).rounded(.down)
            let ofDay = seconds - day * 86_400
            let date = Timestamp.date(Int(day))
            switch self {
            case .epoch: return seconds
            case .second: return ofDay.truncatingRemainder(dividingBy: 60).rounded(.down)
            case .minute: return (ofDay / 60).rounded(.down).truncatingRemainder(dividingBy: 60)
            case .hour: return (ofDay / 3600).rounded(.down)
            case .weekday: return weekday(Int(day))
            case .day: return Double(date.day)
            case .yearday: return day - Double(Timestamp.days(date.year, 1, 1)) + 1
            case .month: return Double(date.month)
            case .quarter: return Double((date.month - 1) / 3 + 1)
            case .year: return Double(date.year)
            case .weekend: return weekday(Int(day)) >= 5 ? 1 : 0
            }
        }

        private func weekday(_ day: Int) -> Double { Double(((day + 3) % 7 + 7) % 7) }
    }
}

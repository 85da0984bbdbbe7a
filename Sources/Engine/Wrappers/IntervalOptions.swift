import Components
import JSON
import Learners

/// Intervals around the predictions of numbers, whatever the learner.
public struct IntervalOptions: Sendable, Equatable {
    static let names = ["intervals", "interval-method", "interval-window"]
    static let maximumWindow = 1_000_000

    /// The share of targets that is to lie inside.
    public let level: Double
    public let method: IntervalMethod
    /// Errors remembered.
    public let window: Int

    /// Nil: nothing is asked for.
    public init?(_ text: (_ setting: String) -> String?) throws(SettingError) {
        guard let level = text("intervals") else {
            for name in Self.names.dropFirst() where text(name) != nil {
                throw SettingError("--\(name) says how intervals are made: it needs --intervals LEVEL, such as 0.9")
            }
            return nil
        }
        guard let value = Double(level), value > 0, value < 1 else {
            throw SettingError("--intervals is '\(level)'; it takes a share above 0 and below 1, such as 0.9")
        }
        self.level = value
        let name = text("interval-method") ?? IntervalMethod.conformal.rawValue
        guard let method = IntervalMethod(rawValue: name) else {
            throw SettingError(
                "--interval-method is '\(name)'" + didYouMean(name, IntervalMethod.allCases.map(\.rawValue)))
        }
        self.method = method
        let window = text("interval-window") ?? "1000"
        guard let count = Int(window), (1...Self.maximumWindow).contains(count) else {
            throw SettingError("--interval-window is '\(window)'; it takes a number from 1 to \(Self.maximumWindow)")
        }
        self.window = count
    }

    /// What a snapshot keeps of them.
    var identity: [(String, JSONValue)] {
        [
            ("intervals", .string("\(level)")), ("interval-method", .string(method.rawValue)),
            ("interval-window", .string(String(window))),
        ]
    }
}

import Components
import JSON
import Learners
import Records

/// Intervals around the predictions of numbers, and quantiles of what the numbers will be, whatever the learner.
public struct IntervalOptions: Sendable, Equatable {
    static let names = ["intervals", "quantiles", "interval-method", "interval-window"]
    static let maximumWindow = 1_000_000

    /// The share of targets that is to lie inside the interval; nil: there is none.
    public let level: Double?
    /// Above 0, below 1 and rising.
    public let quantiles: [Double]
    public let method: IntervalMethod
    /// Errors remembered.
    public let window: Int

    /// Nil: nothing is asked for.
    public init?(_ text: (_ setting: String) -> String?) throws(SettingError) {
        guard text("intervals") != nil || text("quantiles") != nil else {
            for name in Self.names.dropFirst(2) where text(name) != nil {
                throw SettingError(
                    "--\(name) says how intervals are made: it needs --intervals LEVEL, such as 0.9, or --quantiles")
            }
            return nil
        }
        level = try text("intervals").map { level throws(SettingError) in
            guard let value = Double(level), value > 0, value < 1 else {
                throw SettingError("--intervals is '\(level)'; it takes a share above 0 and below 1, such as 0.9")
            }
            return value
        }
        quantiles = try Self.levels(text("quantiles"))
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

    private static func levels(_ text: String?) throws(SettingError) -> [Double] {
        guard let text else { return [] }
        var levels: [Double] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let part = part.drop { $0 == " " }
            guard let level = Double(part), level > 0, level < 1, level > levels.last ?? 0 else {
                throw SettingError(
                    "--quantiles is '\(text)'; it takes rising shares above 0 and below 1, such as 0.1,0.5,0.9")
            }
            levels.append(level)
        }
        return levels
    }

    /// What stands behind each predicted number.
    public var layout: NumberLayout { NumberLayout(hasInterval: level != nil, quantiles: quantiles) }

    /// What a snapshot keeps of them.
    var identity: [(String, JSONValue)] {
        (level.map { [("intervals", .string("\($0)"))] } ?? [])
            + (quantiles.isEmpty
                ? [] : [("quantiles", .string(quantiles.map { "\($0)" }.joined(separator: ",")))])
            + [("interval-method", .string(method.rawValue)), ("interval-window", .string(String(window)))]
    }
}

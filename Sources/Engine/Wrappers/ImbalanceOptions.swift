import Components
import JSON
import Learners

/// What is done about classes of unequal size, whatever the learner.
public struct ImbalanceOptions: Sendable, Equatable {
    /// Names of the settings, in the order of `texts`.
    static let names = ["class-weight", "sample", "sample-distribution", "sample-rate"]

    /// As given, by setting.
    private let texts: [String: String]
    private let weights: ClassWeights.Rule?
    private let method: ClassSampler.Method?
    private let shares: [String: Double]
    private let rate: Double

    /// Nil: nothing is asked for.
    public init?(_ text: (_ setting: String) -> String?) throws(SettingError) {
        var texts: [String: String] = [:]
        for name in Self.names { texts[name] = text(name) }
        guard !texts.isEmpty else { return nil }
        self.texts = texts
        weights =
            if let text = texts["class-weight"] { try Self.weightRule(text) } else { nil }
        method =
            if let text = texts["sample"] { try Self.samplingMethod(text) } else { nil }
        for name in Self.names.dropFirst(2) where texts[name] != nil && method == nil {
            throw SettingError("--\(name) says how records are sampled: it needs --sample under, over or random")
        }
        shares =
            try texts["sample-distribution"].map { text throws(SettingError) in
                try Self.shares(text)
            } ?? [:]
        guard texts["sample-rate"] == nil || method == .random else {
            throw SettingError("--sample-rate is for --sample random; under and over follow from the classes alone")
        }
        let given = texts["sample-rate"] ?? "1"
        guard let value = Double(given), value > 0, value <= ClassSampler.maximumRate else {
            throw SettingError(
                "--sample-rate is '\(given)'; it takes a number above 0, at most \(Int(ClassSampler.maximumRate))")
        }
        rate = value
    }

    private static func weightRule(_ text: String) throws(SettingError) -> ClassWeights.Rule {
        if text == "balanced" { return .balanced }
        let weights = try byClass("class-weight", text, or: "balanced, or ")
        for (name, weight) in weights where !(weight >= 0 && weight <= 1e6) {
            throw SettingError("--class-weight \(name)=\(weight): a weight is a number from 0 to 1000000")
        }
        return .named(Dictionary(weights) { $1 })
    }

    private static func samplingMethod(_ text: String) throws(SettingError) -> ClassSampler.Method {
        if let method = ClassSampler.Method(rawValue: text) { return method }
        throw SettingError(
            "--sample is '\(text)'" + didYouMean(text, ClassSampler.Method.allCases.map(\.rawValue)))
    }

    private static func shares(_ text: String) throws(SettingError) -> [String: Double] {
        let shares = try byClass("sample-distribution", text)
        for (name, share) in shares where !(share > 0 && share <= 1) {
            throw SettingError("--sample-distribution \(name)=\(share): a share lies above 0 and is at most 1")
        }
        let sum = shares.reduce(0) { $0 + $1.1 }
        guard abs(sum - 1) < 1e-6 else { throw SettingError("--sample-distribution: the shares sum to \(sum), not 1") }
        return Dictionary(shares) { $1 }
    }

    private static func byClass(
        _ setting: String, _ text: String, or other: String = ""
    ) throws(SettingError) -> [(String, Double)] {
        var values: [(String, Double)] = []
        for part in text.split(separator: ",") {
            guard let end = part.lastIndex(of: "="), let value = Double(part[part.index(after: end)...]) else {
                throw SettingError("--\(setting) is '\(text)'; it takes \(other)CLASS=NUMBER,CLASS=NUMBER,...")
            }
            let name = TargetEncoder.canonicalName(String(part[..<end]))
            guard !values.contains(where: { $0.0 == name }) else {
                throw SettingError("--\(setting): '\(name)' stands there twice")
            }
            values.append((name, value))
        }
        guard !values.isEmpty else { throw SettingError("--\(setting) names no class") }
        return values
    }

    /// What a snapshot keeps of them.
    var identity: [(String, JSONValue)] {
        Self.names.compactMap { name in texts[name].map { (name, .string($0)) } }
    }

    /// Rules for one learner, in their order.
    func rules(seed: UInt64) -> [any LearningWeight] {
        var rules: [any LearningWeight] = []
        if let method { rules.append(ClassSampler(method, shares: shares, rate: rate, seed: seed)) }
        if let weights { rules.append(ClassWeights(weights)) }
        return rules
    }

    /// Every class that is named must be one, where all classes are known.
    ///
    /// - Parameter classes: the names of the classes; `isComplete`: there can be no others.
    func check(_ classes: [String], isComplete: Bool) throws(SettingError) {
        guard isComplete else { return }
        var named: [(String, String)] = shares.keys.sorted().map { ("sample-distribution", $0) }
        if case .named(let weights)? = weights { named += weights.keys.sorted().map { ("class-weight", $0) } }
        for (setting, name) in named where !classes.contains(name) {
            throw SettingError("--\(setting): there is no class '\(name)'" + didYouMean(name, classes))
        }
    }
}

import Components
import State

/// Reactive drift detection method: DDM that forgets what is old in a long stable concept, and does not stay in the
/// warning zone for long (Barros, Cabral, Gonçalves and Santos, RDDM: Reactive drift detection method, Expert Systems
/// with Applications 90, 2017, Algorithm 1).
public final class RDDM: DriftDetector {
    private enum Slot {
        static let count = 0
        static let rate = 1
        static let leastRate = 2
        static let leastDeviation = 3
        static let hasLeast = 4
        /// Stored values, place of the oldest.
        static let stored = 5
        static let first = 6
        /// Values in all.
        static let total = 7
        /// Where the warning zone began: number of the value, its place; only while `isWarning`.
        static let isWarning = 8
        static let warningTotal = 9
        static let warningPlace = 10
        /// 1: begin anew from the stored values; 2: likewise, after a drift.
        static let restart = 11
        static let size = 12
    }

    private let warningLevel: Double
    private let driftLevel: Double
    private let minimum: Double
    /// A concept longer than this is cut down to the stored values.
    private let longestConcept: Double
    private let capacity: Int
    /// A warning zone longer than this is a drift.
    private let longestWarning: Double
    private let sums = StateArray<Double>(count: Slot.size)
    /// The latest values, a ring.
    private let values: StateArray<UInt8>

    private init(_ fields: Hyperparameters) {
        warningLevel = fields.double("warning")
        driftLevel = fields.double("drift")
        minimum = Double(fields.integer("min-instances"))
        longestConcept = Double(fields.integer("max-concept"))
        capacity = fields.integer("stable-concept")
        longestWarning = Double(fields.integer("warning-limit"))
        values = StateArray(count: capacity)
    }

    public var state: [StateEntry] { [StateEntry("sums", sums), StateEntry("values", values)] }

    public func reset() {
        sums.clear()
        values.clear()
    }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watchedError(value) else { return .none }
        let s = sums.base
        if s[Slot.restart] != 0 { begin(s) }
        let error = value >= 0.5 ? 1.0 : 0.0
        let last = store(error, s)
        add(error, s)
        s[Slot.total] += 1
        // One more than the values counted, as the authors count.
        guard s[Slot.count] + 1 > minimum else { return .none }
        let deviation = deviation(s)
        lower(s, deviation)
        let level = s[Slot.rate] + deviation
        if level > s[Slot.leastRate] + driftLevel * s[Slot.leastDeviation] {
            s[Slot.restart] = 2
            if s[Slot.isWarning] == 0 { keepOnly(last, s) }
            return .drift
        }
        guard level > s[Slot.leastRate] + warningLevel * s[Slot.leastDeviation] else {
            s[Slot.isWarning] = 0
            if s[Slot.count] + 1 > longestConcept { s[Slot.restart] = 1 }
            return .none
        }
        if s[Slot.isWarning] != 0, s[Slot.warningTotal] + longestWarning <= s[Slot.total] {
            s[Slot.restart] = 2
            s[Slot.isWarning] = 0
            keepOnly(last, s)
            return .drift
        }
        if s[Slot.isWarning] == 0 {
            s[Slot.isWarning] = 1
            s[Slot.warningTotal] = s[Slot.total]
            s[Slot.warningPlace] = Double(last)
        }
        return .warning
    }

    private func deviation(_ s: UnsafeMutablePointer<Double>) -> Double {
        max(0, s[Slot.rate] * (1 - s[Slot.rate]) / s[Slot.count]).squareRoot()
    }

    private func add(_ error: Double, _ s: UnsafeMutablePointer<Double>) {
        s[Slot.count] += 1
        s[Slot.rate] += (error - s[Slot.rate]) / s[Slot.count]
    }

    private func lower(_ s: UnsafeMutablePointer<Double>, _ deviation: Double) {
        let least = s[Slot.leastRate] + s[Slot.leastDeviation]
        guard s[Slot.hasLeast] == 0 || s[Slot.rate] + deviation < least else { return }
        s[Slot.hasLeast] = 1
        s[Slot.leastRate] = s[Slot.rate]
        s[Slot.leastDeviation] = deviation
    }

    /// Returns the value's place in the ring.
    private func store(_ error: Double, _ s: UnsafeMutablePointer<Double>) -> Int {
        let place = (Int(s[Slot.first]) + Int(s[Slot.stored])) % capacity
        values[place] = error > 0 ? 1 : 0
        if Int(s[Slot.stored]) < capacity {
            s[Slot.stored] += 1
        } else {
            s[Slot.first] = Double((place + 1) % capacity)
            if s[Slot.isWarning] != 0, Int(s[Slot.warningPlace]) == place { s[Slot.warningPlace] = -1 }
        }
        return place
    }

    private func keepOnly(_ place: Int, _ s: UnsafeMutablePointer<Double>) {
        s[Slot.first] = Double(place)
        s[Slot.stored] = 1
    }

    /// Begins anew from the stored values: after a drift, those since its warning.
    private func begin(_ s: UnsafeMutablePointer<Double>) {
        let isDrift = s[Slot.restart] == 2
        if s[Slot.isWarning] != 0, s[Slot.warningPlace] >= 0 {
            let end = (Int(s[Slot.first]) + Int(s[Slot.stored])) % capacity
            s[Slot.first] = s[Slot.warningPlace]
            let stored = (end - Int(s[Slot.first]) + capacity) % capacity
            s[Slot.stored] = Double(stored == 0 ? capacity : stored)
        }
        s[Slot.count] = 0
        s[Slot.rate] = 0
        if isDrift { s[Slot.hasLeast] = 0 }
        for index in 0..<Int(s[Slot.stored]) {
            add(Double(values[(Int(s[Slot.first]) + index) % capacity]), s)
            if isDrift, s[Slot.count] > minimum { lower(s, deviation(s)) }
        }
        s[Slot.isWarning] = 0
        s[Slot.restart] = 0
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "rddm", "DDM that forgets in long stable concepts (Barros et al. 2017)",
            fields: [
                HyperparameterField("min-instances", .integer(1...1_000_000), default: "129", "values before a drift"),
                HyperparameterField("warning", .number(0...100), default: "1.773", "warning level, in deviations"),
                HyperparameterField("drift", .number(0...100), default: "2.258", "drift level, in deviations"),
                HyperparameterField(
                    "max-concept", .integer(1...100_000_000), default: "40000", "a longer concept is cut down"),
                HyperparameterField(
                    "stable-concept", .integer(1...1_000_000), default: "7000", "values kept to begin anew from"),
                HyperparameterField(
                    "warning-limit", .integer(1...1_000_000), default: "1400", "a longer warning is a drift"),
            ]), input: .errors
    ) { fields, _ throws(SettingError) in RDDM(fields) }
}

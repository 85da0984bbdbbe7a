import Components
import Glibc
import State

/// Kolmogorov-Smirnov windowing: the latest `stat-size` values of a sliding window against as many drawn from the
/// older ones (Raab, Heusinger and Schleif, Reactive Soft Prototype Computing for Concept Drift Streams, Neurocomputing
/// 416, 2020, section 4).
///
/// Drift when the largest distance of the two empirical distributions exceeds sqrt(-ln(alpha) / stat-size); with
/// `test=exact` when its exact two-sided p value is at most alpha and the distance above 0.1, as in River. After a
/// drift the window holds the latest values only. About 1 µs a value.
public final class KSWIN: DriftDetector {
    private let alpha: Double
    private let size: Int
    private let recent: Int
    private let isExact: Bool
    private let seed: UInt64
    /// The latest values, a ring.
    private let window: StateArray<Double>
    /// Values in the window, place of the oldest.
    private let place = StateArray<Int64>(count: 2)
    private let generator: RandomGenerator
    /// Room to work in.
    private var older: [Double]
    private var newer: [Double]
    private var pool: [Int]

    private init(_ fields: Hyperparameters, seed: UInt64) throws(SettingError) {
        alpha = fields.double("alpha")
        size = fields.integer("window")
        recent = fields.integer("stat-size")
        guard 2 * recent <= size else {
            throw SettingError("kswin: stat-size=\(recent) must be at most half of window=\(size)")
        }
        isExact = fields["test"] == "exact"
        self.seed = seed
        window = StateArray(count: size)
        generator = RandomGenerator(seed: seed)
        older = Array(repeating: 0, count: recent)
        newer = Array(repeating: 0, count: recent)
        pool = Array(repeating: 0, count: size - recent)
    }

    public var state: [StateEntry] {
        [StateEntry("window", window), StateEntry("place", place)] + generator.state
    }

    public func reset() {
        window.clear()
        place.clear()
        generator.restart(seed: seed)
    }

    private func value(_ index: Int) -> Double { window.base[(Int(place.base[1]) + index) % size] }

    public func update(_ value: Double) -> DriftSignal {
        guard let value = watched(value) else { return .none }
        append(value)
        guard Int(place[0]) == size else { return .none }
        draw()
        for index in 0..<recent { newer[index] = self.value(size - recent + index) }
        newer.sort()
        let steps = Self.distance(older, newer)
        guard isDrift(steps) else { return .none }
        // The latest values stay.
        place[1] = (place[1] + Int64(size - recent)) % Int64(size)
        place[0] = Int64(recent)
        return .drift
    }

    private func append(_ value: Double) {
        if Int(place[0]) == size {
            place[1] = (place[1] + 1) % Int64(size)
        } else {
            place[0] += 1
        }
        window[(Int(place[1]) + Int(place[0]) - 1) % size] = value
    }

    /// Values of the older part, without repetition, sorted.
    private func draw() {
        let count = size - recent
        for index in 0..<count { pool[index] = index }
        for index in 0..<recent {
            let other = index + Int(generator.nextUniform() * Double(count - index))
            pool.swapAt(index, other)
            older[index] = value(pool[index])
        }
        older.sort()
    }

    /// The largest distance of two empirical distributions of equally many values, in steps of one value.
    static func distance(_ a: [Double], _ b: [Double]) -> Int {
        var (i, j, largest) = (0, 0, 0)
        while i < a.count, j < b.count {
            let value = min(a[i], b[j])
            while i < a.count, a[i] == value { i += 1 }
            while j < b.count, b[j] == value { j += 1 }
            largest = max(largest, abs(i - j))
        }
        return largest
    }

    private func isDrift(_ steps: Int) -> Bool {
        let count = Double(recent)
        let distance = Double(steps) / count
        guard isExact else { return distance > (-log(alpha) / count).squareRoot() }
        return distance > 0.1 && Self.probability(steps, recent) <= alpha
    }

    /// Probability of a distance of `steps` or more between two samples of `count` values of one continuous
    /// distribution: 2 sum over k of (-1)^(k-1) C(2n, n - k steps) / C(2n, n) (Gnedenko and Korolyuk 1951).
    static func probability(_ steps: Int, _ count: Int) -> Double {
        guard steps > 0 else { return 1 }
        var sum = 0.0
        var k = 1
        while k * steps <= count {
            let jump = k * steps
            // C(2n, n - j) / C(2n, n) = n! n! / ((n - j)! (n + j)!)
            var ratio = 1.0
            for index in 0..<jump { ratio *= Double(count - index) / Double(count + jump - index) }
            sum += k % 2 == 1 ? ratio : -ratio
            k += 1
        }
        return min(1, max(0, 2 * sum))
    }

    public static let descriptor = DetectorDescriptor(
        Descriptor(
            "kswin", "Kolmogorov-Smirnov test between the latest and older values of a window (Raab et al. 2020)",
            fields: [
                HyperparameterField("alpha", .number(1e-12...0.5), default: "0.005", "significance"),
                HyperparameterField("window", .integer(4...100_000), default: "100", "values in the window"),
                HyperparameterField("stat-size", .integer(2...10_000), default: "30", "latest values compared"),
                HyperparameterField(
                    "test", .choice(["bound", "exact"]), default: "bound", "the paper's bound, or the exact p value"),
            ]), input: .numbers, presets: ["river": ["test": "exact"]]
    ) { fields, seed throws(SettingError) in try KSWIN(fields, seed: seed) }
}

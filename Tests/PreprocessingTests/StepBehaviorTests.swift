import Components
import Glibc
import Records
import State
import Testing

@testable import Preprocessing

/// Steps over records against what they say, in numbers small enough to check by hand.
@Suite struct StepBehaviorTests {
    private typealias Record = StepBench.Record

    @Test func lagsAreOfTheSameKey() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        try bench.add("lag", ["by": "c", "steps": "1+2", "differences": "true"])
        let records = [(1.0, 1), (10, 2), (2, 1), (4, 1), (12, 2)].map {
            Record(numbers: [$0.0], categories: [UInt64($0.1)], target: 1)
        }
        let found = bench.run(records).numbers
        #expect(bench.layout.numberNames == ["x", "x_lag1", "x_lag2", "x_diff1", "x_diff2"])
        #expect(found[3] == [4, 2, 1, 2, 3])
        #expect(found[4][1] == 10 && found[4][2].isNaN && found[4][3] == 2)
        #expect(found[0].dropFirst().allSatisfy { $0.isNaN })
    }

    @Test func theLeastRecentlyUsedKeyGoes() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        let step = try bench.add("lag", ["by": "c", "keys": "2"])
        let keys: [UInt64] = [1, 2, 1, 3, 2, 1]
        let found = bench.run(keys.map { Record(numbers: [Double($0)], categories: [$0], target: 1) }).numbers
        // 3 takes the place of 2, then 2 that of 1, which comes back as a stranger.
        #expect(found.map { $0[1].isNaN } == [true, true, false, true, true, true])
        #expect(step.notes == [StepNote("keys evicted", "3")])
    }

    @Test func aWindowOfTimeForgets() throws {
        let bench = StepBench(numbers: ["t", "x"])
        try bench.add(
            "rolling", ["fields": "x", "time": "t", "window": "1m", "statistics": "count+mean+distinct+since"])
        let found = bench.run(
            [(0.0, 1.0), (30, 3), (59, 3), (61, 5), (300, 1)].map {
                Record(numbers: [$0.0, $0.1], target: 1)
            }
        ).numbers
        #expect(Array(found[2].dropFirst(2)) == [2, 2, 2, 29])
        #expect(Array(found[3].dropFirst(2)) == [2, 3, 1, 2])
        #expect(found[4][2] == 0 && found[4][3].isNaN && found[4][5] == 239)
        #expect(throws: SettingError.self) { try StepBench(numbers: ["x"]).add("rolling", ["window": "1m"]) }
    }

    @Test func decayedWeightsHalve() throws {
        let bench = StepBench(numbers: ["t", "x"])
        try bench.add("decayed", ["fields": "x", "time": "t", "half-life": "10s"])
        let found = bench.run([(0.0, 4.0), (10, 8), (20, 0)].map { Record(numbers: [$0.0, $0.1], target: 1) }).numbers
        // At 20: 4 with weight 1/4, 8 with weight 1/2.
        let mean = (0.25 * 4 + 0.5 * 8) / 0.75
        let variance = (0.25 * (4 - mean) * (4 - mean) + 0.5 * (8 - mean) * (8 - mean)) / 0.75
        #expect(abs(found[2][2] - 0.75) < 1e-12)
        #expect(abs(found[2][3] - mean) < 1e-12)
        #expect(abs(found[2][4] - variance) < 1e-12)
    }

    @Test func groupsFillWhatIsMissing() throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        try bench.add("group-impute", ["by": "c", "value": "-1"])
        let found = bench.run(
            [(Double.nan, 1), (2, 1), (4, 1), (100, 2), (.nan, 1), (.nan, 3)].map {
                Record(numbers: [$0.0], categories: [UInt64($0.1)], target: 1)
            }
        ).numbers.map { $0[0] }
        #expect(found == [-1, 2, 4, 100, 3, 106.0 / 3])
    }

    @Test(arguments: [("median", [-1.0, 2, 9, 4, 2, 100, 4, 3.0]), ("mode", [-1, 2, 9, 4, 2, 100, 2, 2])])
    func groupsFillWithMedianAndMode(_ strategy: String, _ expected: [Double]) throws {
        let bench = StepBench(numbers: ["x"], categories: ["c"])
        try bench.add("group-impute", ["by": "c", "value": "-1", "strategy": strategy])
        // Of the last two one is of group 1 (2, 9, 4, 2 and then 100 in group 2), one of a group that nobody knows.
        let found = bench.run(
            [(Double.nan, 1), (2, 1), (9, 1), (4, 1), (2, 1), (100, 2), (.nan, 3), (.nan, 1)].map {
                Record(numbers: [$0.0], categories: [UInt64($0.1)], target: 1)
            }
        ).numbers.map { $0[0] }
        #expect(found == expected)
    }

    /// Beside the exact median, on distributions whose quantiles are hard for markers: the share of values below is what
    /// counts.
    @Test(arguments: [UInt64](1...12))
    func medianMarkersStayNearTheMiddle(_ seed: UInt64) {
        let generator = RandomGenerator(seed: seed)
        var known = [Double](repeating: 0, count: MedianMarkers.lanes)
        var values: [Double] = []
        for count in 1...4000 {
            let uniform = generator.nextUniform()
            let value = [uniform, -log(1 - uniform), (uniform * 8).rounded(), pow(10, 12 * uniform - 6)][Int(seed % 4)]
            values.append(value)
            MedianMarkers.learn(value, &known)
            let median = MedianMarkers.value(known) ?? .nan
            if count <= MedianMarkers.exactCount {
                let sorted = values.sorted()
                #expect(median == (sorted[(count - 1) / 2] + sorted[count / 2]) / 2, "seed \(seed), \(count) values")
            } else if count % 500 == 0 {
                // Between few different values the markers come near, not to the bit.
                let slack = seed % 4 == 2 ? 0.05 : 0
                let below = Double(values.count { $0 < median - slack }) / Double(count)
                let upTo = Double(values.count { $0 <= median + slack }) / Double(count)
                #expect(below < 0.54 && upTo > 0.46, "seed \(seed), \(count) values, \(median)")
            }
        }
    }

    @Test func frequenciesAreShares() throws {
        let bench = StepBench(categories: ["c"])
        try bench.add("frequency-encode")
        let found = bench.run([1, 1, 2, 1, 0].map { Record(categories: [$0], target: 1) }).numbers.map { $0[0] }
        #expect(Array(found.prefix(4)) == [0, 1, 0, 2.0 / 3])
        #expect(found[4].isNaN)
    }

    @Test(arguments: [
        ("3,14", true, 3.14), ("1.234.567,5", true, 1_234_567.5), ("1,234.5", false, 1234.5), (" -7 ", false, -7),
        ("12 %", false, 0.12), ("Yes", false, 1), ("OFF", false, 0), ("1\u{202f}000", false, 1000),
        ("6.02e23", false, 6.02e23),
    ])
    func textIsCoerced(_ text: String, _ hasComma: Bool, _ value: Double) {
        #expect(Coerce.number(text, hasComma: hasComma) == value)
    }

    @Test(arguments: ["nan", "inf", "0x10", "abc", "1e999", "--1", "%", "-"])
    func whatIsNoNumberIsMissing(_ text: String) { #expect(Coerce.number(text, hasComma: false) == nil) }

    @Test(arguments: [
        ("1 + 2 * 3 ^ 2", 19.0), ("-2 ^ 2", -4), ("(1 + x) / y", 2), ("max(x; y) - min(x, y)", 1),
        ("sqrt(abs(-9)) + floor(2.7) + sign(-3)", 4), ("'odd name' * 1e1", 70), ("2 ^ 3 ^ 0", 2), ("log(exp(1))", 1),
    ])
    func expressionsAreComputed(_ text: String, _ value: Double) throws {
        let bench = StepBench(numbers: ["x", "y", "odd name"])
        try bench.add("expression", ["is": text])
        #expect(bench.run([Record(numbers: [3, 2, 7])]).numbers[0][3] == value)
    }

    @Test(arguments: [
        "x +", "(x", "x y", "z", "1..2", "max(x)", "x ** 2", "", "'x", String(repeating: "(", count: 100000),
        String(repeating: "-", count: 100000) + "1", String(repeating: "1+", count: 1000) + "1",
    ])
    func expressionsThatMakeNoSenseAreRefused(_ text: String) {
        #expect(throws: SettingError.self) { try Expression(text, names: ["x"]) }
    }

    @Test(arguments: ["x / 0", "sqrt(0 - x)", "log(0)", "y + 1"]) func whatHasNoValueIsMissing(_ text: String) throws {
        let bench = StepBench(numbers: ["x", "y"])
        try bench.add("expression", ["is": text])
        #expect(bench.run([Record(numbers: [3, .nan])]).numbers[0][2].isNaN)
    }

    @Test func hoursLieOnACircle() throws {
        let bench = StepBench(raw: ["t"])
        try bench.add(
            "time", ["fields": "t", "parts": "hour", "cyclical": "true", "offset": "60", "holidays": "11-21"])
        #expect(bench.layout.numberNames == ["t_hour_sin", "t_hour_cos", "t_holiday"])
        let found = bench.run([Record(raw: ["2026-11-21T05:00:00Z"]), Record(raw: ["never"])]).numbers
        #expect(abs(found[0][0] - 1) < 1e-12 && abs(found[0][1]) < 1e-12 && found[0][2] == 1)
        #expect(found[1].allSatisfy { $0.isNaN })
    }

    @Test(arguments: [
        ("1763738219", 1_763_738_219.0), ("1763738219123", 1_763_738_219.123),
        ("1763738219123456", 1_763_738_219.123456),
    ])
    func epochsShowTheirUnit(_ text: String, _ seconds: Double) {
        var text = text
        let found = text.withUTF8 { Timestamp.seconds($0, .auto) }
        #expect(abs((found ?? 0) - seconds) < 1e-5)
    }

    @Test(arguments: [
        "2026-13-01", "2026-02-29", "2026-11-21T25:00", "2026-11-21T10:61", "2026-11-21T10:00+99:00", "20",
        "2026-11-21x",
    ])
    func whatIsNoTimeIsMissing(_ text: String) {
        var text = text
        #expect(text.withUTF8 { Timestamp.iso($0) } == nil)
    }

    @Test func daysAndDatesAgree() {
        for day in stride(from: -720_000, through: 2_900_000, by: 997) {
            let date = Timestamp.date(day)
            #expect(Timestamp.days(date.year, date.month, date.day) == day)
        }
    }

    @Test func onlySomeColumnsAreTransformed() throws {
        let entry = try #require(TransformerRegistry.all.first { $0.descriptor.name == "log" })
        let step = try entry.make(Hyperparameters(entry.descriptor, given: [:]), on: [2, 0])
        let block = Block([0, 0, 5, 5, 0, 0])
        block.run(step, learns: true)
        #expect(block.values == [0, 0, 5, 5, 0, 0])
        let other = Block([3, 3, 3, 3, 3, 3])
        other.run(step, learns: true)
        #expect(other.values[2] == 3 && other.values[0] != 3 && other.values[5] != 3)
    }

    @Test func keyedSlotsEqualAPlainList() {
        let generator = RandomGenerator(seed: 11)
        let slots = KeyedSlots(capacity: 50)
        var recent: [UInt64] = []
        let count = isFullRun ? 10_000_000 : 20_000
        var wrong: [Int] = []
        for step in 0..<count {
            let key = 1 + generator.next() % (step % 1000 < 900 ? 80 : 1 << 50)
            let known = slots.find(key)
            let (slot, isNew) = slots.use(key)
            if isNew != (known == nil) || slot >= 50 { wrong.append(step) }
            // The plain list is slow: it comes along for a while.
            guard step < 20_000 else { continue }
            if (known != nil) != recent.contains(key) { wrong.append(step) }
            recent.removeAll { $0 == key }
            recent.append(key)
            if recent.count > 50 { recent.removeFirst() }
            if slots.leastRecent.map({ slots.key(of: $0) }) != recent[0] { wrong.append(step) }
        }
        #expect(wrong.isEmpty, "seed 11, steps \(wrong.prefix(5))")
        #expect(slots.used == 50)
    }
}

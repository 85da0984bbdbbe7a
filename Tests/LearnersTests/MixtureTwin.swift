import Glibc

/// The mixture written a second time, straight from its formulas: doubles, dictionaries, no thought for speed.
/// What it has in common with the learner is the specification only.
struct MixtureTwin {
    enum Kind { case binary, regression, multiclass }
    typealias Row = [(slot: Int, x: Double)]

    struct Slot {
        var w: [[Double]]
        var n = 0.0
    }

    let kind: Kind
    let intercept: Bool
    let isFeatureNative: Bool
    var classes: Int
    var slots: [Int: Slot] = [:]
    var scales: [Int: (meanSquare: Double, weight: Double)] = [:]
    var e = [Double](repeating: 1 / 7.0, count: 7)
    var v = [1 / 3.0, 1 / 3.0, 1 / 3.0, 0, 0, 0]
    var P = (0..<6).map { a in (0..<6).map { $0 == a ? 0.1 : 0.0 } }
    /// Binary and regression: [level]; multiclass: [level][class].
    var levels: [Double]
    var frequencies: [[Double]] = []
    var S = [Double](repeating: 0, count: 7)
    var N = 0.0
    var records = 0.0
    var weight = 0.0
    var mu = 0.0
    var M2 = 0.0
    var low = 0.0
    var high = 0.0

    static let rho = [1, 0.4, 0.05]
    static let rates = [1, 0.2, 0.02]

    init(_ kind: Kind, classes: Int = 1, intercept: Bool = true, isFeatureNative: Bool = false) {
        self.kind = kind
        self.classes = kind == .multiclass ? classes : 1
        self.intercept = intercept
        self.isFeatureNative = isFeatureNative
        levels = [Double](repeating: kind == .binary ? 0.5 : 0, count: 3)
        frequencies = (0..<3).map { _ in [Double](repeating: 1 / Double(classes), count: classes) }
    }

    /// A row as the lanes see it: [slot: (x, r)], and all sums.
    struct Seen {
        var features: [(slot: Int, x: Double, r: Double)] = []
        var A0 = 0.0
        var A1 = 0.0
        /// [class][lane], before clipping.
        var sums: [[Double]]
        /// [class][expert 0...6].
        var z: [[Double]] = []
        var p: [[Double]] = []
        var mean = 0.0
        var deviation = 0.0
        var answer: [Double] = []
    }

    static func clip(_ x: Double, _ limit: Double) -> Double { max(-limit, min(limit, x)) }
    static func sigmoid(_ z: Double) -> Double { 1 / (1 + exp(-z)) }

    func look(_ row: Row) -> Seen {
        var seen = Seen(sums: [[Double]](repeating: [0, 0, 0], count: classes))
        for (slot, raw) in row + (intercept ? [(slot: -1, x: 1.0)] : []) {
            let x = isFeatureNative && slot >= 0 ? scaled(slot, raw) : Self.clip(raw, 1e6)
            let entry = slots[slot]
            let r = 1 / ((entry?.n ?? 0) + x * x + 1).squareRoot()
            seen.features.append((slot, x, r))
            seen.A0 += x * x
            seen.A1 += x * x * r
            for c in 0..<min(classes, entry?.w.count ?? 0) {
                for lane in 0..<3 { seen.sums[c][lane] += entry!.w[c][lane] * x }
            }
        }
        switch kind {
        case .binary: mixBinary(&seen)
        case .regression: mixRegression(&seen)
        case .multiclass: mixClasses(&seen)
        }
        return seen
    }

    private func scaled(_ slot: Int, _ x: Double) -> Double {
        guard let scale = scales[slot], scale.meanSquare > 0 else { return x == 0 ? 0 : x > 0 ? 1 : -1 }
        return Self.clip(x / scale.meanSquare.squareRoot(), 5)
    }

    private func stacked(_ z: [Double]) -> Double { zip(v, z).reduce(0) { $0 + $1.0 * $1.1 } }

    private func mixBinary(_ seen: inout Seen) {
        var z = seen.sums[0].map { Self.clip($0, 6) } + levels.map { log($0 / (1 - $0)) }
        z.append(Self.clip(stacked(z), 15))
        seen.z = [z]
        seen.p = [z.map(Self.sigmoid)]
        seen.answer = [zip(e, seen.p[0]).reduce(0) { $0 + $1.0 * $1.1 }]
    }

    private func mixRegression(_ seen: inout Seen) {
        seen.mean = mu
        seen.deviation = weight > 0 ? (M2 / weight).squareRoot() : 0
        let (mean, deviation) = (seen.mean, seen.deviation)
        var z = seen.sums[0].map { Self.clip($0, 1e4) }
        z += levels.map { deviation > 0 ? Self.clip(($0 - mean) / deviation, 1e4) : 0 }
        z.append(Self.clip(stacked(z), 1e4))
        seen.z = [z]
        let least = S.min()!
        var shares = S.map { least > 0 ? exp(-N / 2 * ($0 / least - 1)) : $0 == 0 ? 1 : 0 }
        let total = shares.reduce(0, +)
        shares = shares.map { 0.99 * $0 / total + 0.01 / 7 }
        let value = mean + deviation * zip(shares, z).reduce(0) { $0 + $1.0 * $1.1 }
        let margin = 0.1 * (high - low)
        seen.answer = [records == 0 ? 0 : max(low - margin, min(high + margin, value))]
    }

    private func mixClasses(_ seen: inout Seen) {
        let K = Double(classes)
        seen.z = seen.sums
        for lane in 0..<3 {
            let mean = seen.sums.reduce(0) { $0 + $1[lane] } / K
            for c in 0..<classes { seen.z[c][lane] = Self.clip(seen.sums[c][lane] - mean, 15) }
        }
        for level in frequencies {
            let mean = level.reduce(0) { $0 + log($1) } / K
            for c in 0..<classes { seen.z[c].append(log(level[c]) - mean) }
        }
        for c in 0..<classes { seen.z[c].append(Self.clip(stacked(seen.z[c]), 15)) }
        seen.p = seen.z
        for expert in 0..<7 {
            let total = seen.z.reduce(0) { $0 + exp($1[expert]) }
            for c in 0..<classes { seen.p[c][expert] = exp(seen.z[c][expert]) / total }
        }
        seen.answer = seen.p.map { p in zip(e, p).reduce(0) { $0 + $1.0 * $1.1 } }
    }
}

extension MixtureTwin {
    /// Learns a row with weight h; `target` is a class or a number.
    mutating func learn(_ row: Row, _ target: Double, weight h: Double = 1) {
        let seen = look(row)
        records += 1
        switch kind {
        case .binary:
            learnExperts(seen.p[0].map { target > 0 ? $0 : 1 - $0 }, h)
            kalman([(seen.z[0], seen.p[0][6] - target, max(seen.p[0][6] * (1 - seen.p[0][6]), 0.01))], h)
            step(seen, [(0..<3).map { seen.p[0][$0] - target }], c: 0.25, h)
            for b in 0..<3 {
                let rate = 1 - pow(1 - Self.rates[b], h)
                levels[b] = max(0.01, min(0.99, levels[b] + rate * (target - levels[b])))
            }
        case .regression: learnNumber(seen, target, h)
        case .multiclass: learnClass(seen, Int(target), h)
        }
        guard isFeatureNative else { return }
        for (slot, x) in row {
            var scale = scales[slot] ?? (0, 0)
            scale.weight += h
            scale.meanSquare += (x * x - scale.meanSquare) * h / scale.weight
            scales[slot] = scale
        }
    }

    private mutating func learnNumber(_ seen: Seen, _ y: Double, _ h: Double) {
        let before = seen.deviation
        var d = y - mu
        if records > 10 && before > 0 { d = Self.clip(d, 10 * before) }
        let old = mu
        weight += h
        mu += h * d / weight
        M2 += h * d * (old + d - mu)
        low = records == 1 ? y : min(low, y)
        high = records == 1 ? y : max(high, y)
        let deviation = before > 0 ? before : (M2 / weight).squareRoot()
        let t = records > 1 && deviation > 0 ? Self.clip((y - seen.mean) / deviation, 1e4) : 0
        let T = min(30, records.squareRoot())
        if records > 1 {
            let kept = pow(0.999, h)
            let gain = (1 - kept) / 0.001
            N = kept * N + gain
            for k in 0..<7 { S[k] = kept * S[k] + gain * (seen.z[0][k] - t) * (seen.z[0][k] - t) }
        }
        kalman([(seen.z[0], Self.clip(seen.z[0][6] - t, T), 1)], h)
        step(seen, [seen.sums[0].map { Self.clip($0 - t, T) }], c: 1, h)
        for b in 0..<3 { levels[b] += records > 1 ? (1 - pow(1 - Self.rates[b], h)) * (y - levels[b]) : y }
    }

    private mutating func learnClass(_ seen: Seen, _ y: Int, _ h: Double) {
        learnExperts(seen.p[y].map { max($0, 1e-7) }, h)
        let hit = (0..<classes).map { $0 == y ? 1.0 : 0.0 }
        let measurements = (0..<classes).map { c in
            (seen.z[c], seen.p[c][6] - hit[c], max(seen.p[c][6] * (1 - seen.p[c][6]), 0.01))
        }
        kalman(measurements.filter { abs($0.1) >= 0.01 }, h)
        step(seen, (0..<classes).map { c in (0..<3).map { seen.p[c][$0] - hit[c] } }, c: 0.25, h)
        for b in 0..<3 {
            let rate = 1 - pow(1 - Self.rates[b], h)
            for c in 0..<classes {
                frequencies[b][c] = max(
                    0.01 / Double(classes), frequencies[b][c] + rate * (hit[c] - frequencies[b][c]))
            }
            let total = frequencies[b].reduce(0, +)
            frequencies[b] = frequencies[b].map { $0 / total }
        }
    }

    private mutating func learnExperts(_ likelihood: [Double], _ h: Double) {
        let best = likelihood.map { log($0) }.max()!
        e = zip(e, likelihood).map { $0 * exp(h * (log($1) - best)) }
        let total = e.reduce(0, +)
        let share = 1 - pow(1 - 0.0003, h)
        e = e.map { (1 - share) * $0 / total + share / 7 }
    }

    private mutating func kalman(_ measurements: [(z: [Double], g: Double, curvature: Double)], _ h: Double) {
        for a in 0..<6 { P[a][a] = min(0.1, P[a][a] + 1e-6) }
        for (z, g, curvature) in measurements {
            let u = P.map { row in (0..<6).reduce(0) { $0 + row[$1] * z[$1] } }
            let s = 1 / (1 / (h * curvature) + max(0, (0..<6).reduce(0) { $0 + u[$1] * z[$1] }))
            for a in 0..<6 {
                v[a] -= u[a] * s * g / curvature
                for b in 0..<6 { P[a][b] -= s * u[a] * u[b] }
            }
        }
    }

    private mutating func step(_ seen: Seen, _ slopes: [[Double]], c: Double, _ h: Double) {
        for (slot, x, r) in seen.features {
            var entry = slots[slot] ?? Slot(w: [])
            while entry.w.count < classes { entry.w.append([0, 0, 0]) }
            for index in 0..<classes {
                for lane in 0..<3 {
                    let A = lane == 0 ? seen.A0 : seen.A1
                    let size = Self.rho[lane] / c * h * slopes[index][lane] / (1 + Self.rho[lane] * h * A)
                    entry.w[index][lane] -= size * x * (lane == 0 ? 1 : r)
                }
            }
            entry.n += h * x * x
            slots[slot] = entry
        }
    }
}

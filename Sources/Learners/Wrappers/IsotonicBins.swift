import State

/// Isotonic calibration (Zadrozny and Elkan 2002) over bins of the log-odds, so that it needs no records to be kept.
///
/// 64 bins of width .25 from -8 to 8 count records and how many came true, each with one record in advance that agrees
/// with its centre. Pooling adjacent violators (Ayer et al. 1955) makes their shares rise; between centres the log-odds of
/// the shares are interpolated. The fit follows whenever the records have grown by a fiftieth. From 65,536 records on all
/// counts are halved, so that what is old fades.
final class IsotonicBins: Calibrator {
    private static let bins = 64
    private static let width = 0.25
    private static let edge = 8.0
    private static let limit = 65_536.0
    /// By class: weights, weights of what came true, log-odds of the fit less those of the centre; the sum of the weights,
    /// and what it was at the last fit. So zeros are the start.
    private static let lanes = 3 * bins + 2

    private let tables = StateArray<Double>(count: 1, lanes: lanes, grows: true)
    /// Room for the fit: share, weight and length of each pool.
    private var pools: [(share: Double, weight: Double, bins: Int)] = []

    var state: [StateEntry] { [StateEntry("isotonic", tables)] }

    func grow(toClasses count: Int) { if count > tables.count { tables.resize(to: count) } }

    private static func centre(_ bin: Int) -> Double { (Double(bin) + 0.5) * width - edge }

    func probability(of logOdds: Double, class index: Int) -> Double {
        let fit = tables.base + index * Self.lanes + 2 * Self.bins
        let place = min(max((logOdds + Self.edge) / Self.width - 0.5, 0), Double(Self.bins - 1))
        let bin = min(Int(place), Self.bins - 2)
        let part = place - Double(bin)
        let left = fit[bin] + Self.centre(bin)
        let right = fit[bin + 1] + Self.centre(bin + 1)
        return LogOdds.probability(left + (right - left) * part)
    }

    func learn(_ logOdds: Double, class index: Int, isTrue: Bool, weight: Double) {
        let table = tables.base + index * Self.lanes
        let h = min(weight, Self.limit)
        let bin = min(max(Int((logOdds + Self.edge) / Self.width), 0), Self.bins - 1)
        table[bin] += h
        if isTrue { table[Self.bins + bin] += h }
        let sum = 3 * Self.bins
        table[sum] += h
        if table[sum] > Self.limit {
            for lane in 0..<2 * Self.bins { table[lane] /= 2 }
            table[sum] /= 2
            table[sum + 1] = 0
        }
        if table[sum] - table[sum + 1] >= table[sum + 1] / 50 { fit(table) }
    }

    private func fit(_ table: UnsafeMutablePointer<Double>) {
        pools.removeAll(keepingCapacity: true)
        for bin in 0..<Self.bins {
            let weight = table[bin] + 1
            let share = (table[Self.bins + bin] + LogOdds.probability(Self.centre(bin))) / weight
            pools.append((share, weight, 1))
            while pools.count > 1, pools[pools.count - 2].share >= pools[pools.count - 1].share {
                let last = pools.removeLast()
                let before = pools.removeLast()
                let weight = before.weight + last.weight
                let share = (before.share * before.weight + last.share * last.weight) / weight
                pools.append((share, weight, before.bins + last.bins))
            }
        }
        var bin = 0
        for pool in pools {
            let logOdds = LogOdds.of(pool.share)
            for _ in 0..<pool.bins {
                table[2 * Self.bins + bin] = logOdds - Self.centre(bin)
                bin += 1
            }
        }
        table[3 * Self.bins + 1] = table[3 * Self.bins]
    }
}

import State

/// Errors of forecasts by how many records ahead they were made: horizon 1 is the record itself, from all earlier ones.
/// Beside them the error of expecting what was known last.
final class HorizonMetrics: Stateful {
    private let horizon: Int
    /// Forecasts by the place of the record that made them, `horizon` records back.
    private let forecasts: StateArray<Double>
    /// Per place: the target known last when its forecasts were made; NaN = none.
    private let known: StateArray<Double>
    /// Records scored, the last target.
    private let totals: StateArray<Double>
    /// Per horizon: count, sum of absolute errors, of squared errors, of absolute changes.
    private let sums: StateArray<Double>

    init(horizon: Int) {
        self.horizon = horizon
        forecasts = StateArray(count: horizon, lanes: horizon)
        known = StateArray(count: horizon)
        totals = StateArray(count: 2)
        sums = StateArray(count: horizon, lanes: 4)
    }

    var state: [StateEntry] {
        [
            StateEntry("forecasts", forecasts), StateEntry("known", known), StateEntry("totals", totals),
            StateEntry("sums", sums),
        ]
    }

    /// Scores what earlier records and this one expected of this record.
    ///
    /// - Parameter outputs: `horizon` forecasts, made before the target was known.
    func update(target: Double, outputs: UnsafePointer<Double>) {
        let count = Int(totals.base[0])
        let own = count % horizon
        (forecasts.base + own * horizon).update(from: outputs, count: horizon)
        known.base[own] = count > 0 ? totals.base[1] : .nan
        for ahead in 0..<min(horizon, count + 1) {
            let place = (count - ahead) % horizon
            add(forecasts.base[place * horizon + ahead], known.base[place], target, at: ahead)
        }
        totals.base[0] = Double(count + 1)
        totals.base[1] = target
    }

    private func add(_ forecast: Double, _ last: Double, _ target: Double, at ahead: Int) {
        let row = sums.base + 4 * ahead
        let error = abs(forecast - target)
        guard error.isFinite, (error * error + row[2]).isFinite else { return }
        row[0] += 1
        row[1] += error
        row[2] += error * error
        row[3] += last.isNaN ? 0 : min(abs(last - target), .greatestFiniteMagnitude)
    }

    /// Per horizon: mean absolute error, root of the mean squared error, mean absolute change.
    var all: [[NamedValue]] {
        (0..<horizon).map { index in
            let row = sums.base + 4 * index
            guard row[0] > 0 else { return [NamedValue("horizon", Double(index + 1))] }
            return [
                NamedValue("horizon", Double(index + 1)), NamedValue("mae", row[1] / row[0]),
                NamedValue("rmse", (row[2] / row[0]).squareRoot()), NamedValue("no_change_mae", row[3] / row[0]),
            ]
        }
    }
}

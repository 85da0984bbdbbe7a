import Components
import Records
import State

/// Exponential smoothing of level, trend and season (Holt 1957; Winters, Forecasting Sales by Exponentially Weighted
/// Moving Averages, Management Science 6:3, 1960):
///
///     level_t  = α (y_t - season_{t-m}) + (1 - α) (level_{t-1} + trend_{t-1})
///     trend_t  = β (level_t - level_{t-1}) + (1 - β) trend_{t-1}
///     season_t = γ (y_t - level_{t-1} - trend_{t-1}) + (1 - γ) season_{t-m}
///     ŷ_{t+h}  = level_t + h trend_t + season_{t+h-m}
///
/// `multiplicative`: the season is a factor, so differences from it become quotients. The first max(2, m) targets are
/// the beginning: the level is their mean, the trend their mean step, the season what is left of each; until then the
/// last target is the forecast. Fields other than the target are not looked at. Levels and forecasts never lie further
/// outside of what was seen than the width of what was seen, because not all shares are stable with all seasons.
public final class HoltWinters: Forecaster {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "holt-winters", "forecasts a series by smoothing its level, trend and season",
            fields: [
                HyperparameterField("alpha", .number(0...1), default: "0.5", "share of a new level"),
                HyperparameterField("beta", .number(0...1), default: "0.01", "share of a new trend; 0 = no trend"),
                HyperparameterField("gamma", .number(0...1), default: "0.1", "share of a new season"),
                HyperparameterField(
                    "seasonality", .integer(0...100_000), default: "0", "periods in a season; 0 = none"),
                HyperparameterField(
                    "multiplicative", .boolean, default: "false", "the season is a factor, not a difference"),
                horizonField,
            ]),
        tasks: [.regression], input: .attributes(isScaled: false), isForecaster: true
    ) { parameters, context throws(SettingError) in HoltWinters(parameters) }

    let horizon: Int
    private let alpha: Double
    private let beta: Double
    private let gamma: Double
    private let periods: Int
    private let isFactor: Bool
    /// Targets learned, level, trend, the last target, the lowest and the highest.
    private let trail: StateArray<Double>
    /// The first targets, then the season's periods; the next to come stands at count mod m.
    private let season: StateArray<Double>

    init(_ parameters: Hyperparameters) {
        horizon = parameters.integer("horizon")
        alpha = parameters.double("alpha")
        beta = parameters.double("beta")
        gamma = parameters.double("gamma")
        periods = parameters.integer("seasonality")
        isFactor = parameters.boolean("multiplicative")
        trail = StateArray(count: 6)
        season = StateArray(count: max(2, periods), marksChanges: true)
    }

    public var state: [StateEntry] { [StateEntry("trail", trail), StateEntry("season", season)] }

    private var count: Int { Int(trail.base[0]) }
    private var beginning: Int { season.count }

    func forecast(_ attributes: UnsafePointer<Double>, into outputs: UnsafeMutablePointer<Double>) {
        let (level, trend) = (trail.base[1], trail.base[2])
        for step in 0..<horizon {
            guard count >= beginning else {
                outputs[step] = trail.base[3]
                continue
            }
            let line = level + Double(step + 1) * trend
            var value = line
            if periods > 0 {
                let part = season.base[(count + step) % periods]
                value = isFactor ? line * part : line + part
            }
            outputs[step] = SeenRange(trail.base[4], trail.base[5]).bound(value, else: trail.base[3])
        }
    }

    func learn(_ target: Double, _ attributes: UnsafePointer<Double>) {
        trail.base[4] = trail.base[0] > 0 ? min(trail.base[4], target) : target
        trail.base[5] = trail.base[0] > 0 ? max(trail.base[5], target) : target
        defer {
            trail.base[0] += 1
            trail.base[3] = target
        }
        guard count >= beginning else {
            season[count] = target
            if count + 1 == beginning { begin(last: target) }
            return
        }
        let (level, trend) = (trail.base[1], trail.base[2])
        let place = periods > 0 ? count % periods : 0
        let part = periods > 0 ? season.base[place] : isFactor ? 1 : 0
        let range = SeenRange(trail.base[4], trail.base[5])
        let newLevel = range.bound(alpha * without(target, part) + (1 - alpha) * (level + trend), else: level)
        let newTrend = beta > 0 ? beta * (newLevel - level) + (1 - beta) * trend : 0
        let newPart = gamma * without(target, level + trend) + (1 - gamma) * part
        // A quotient by almost nothing, or a step from end to end: what was known stays.
        if newLevel.isFinite, newTrend.isFinite { (trail.base[1], trail.base[2]) = (newLevel, newTrend) }
        if periods > 0, newPart.isFinite { season[place] = newPart }
    }

    private func without(_ value: Double, _ part: Double) -> Double { isFactor ? value / part : value - part }

    /// Level, trend and season of the first targets.
    private func begin(last: Double) {
        let values = season.elements
        // Shares, because sums may overflow.
        let level = values.reduce(0) { $0 + $1 / Double(values.count) }
        let trend = (last / Double(values.count - 1)) - values[0] / Double(values.count - 1)
        trail.base[1] = level
        trail.base[2] = beta > 0 && trend.isFinite ? trend : 0
        for index in values.indices {
            let part = periods > 0 ? without(values[index], level) : 0
            season[index] = part.isFinite ? part : isFactor ? 1 : 0
        }
    }
}

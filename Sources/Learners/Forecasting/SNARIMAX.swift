import Components
import Records
import State

/// A series from its own past, and from the record's numbers: seasonal autoregression on differences, with moving averages
/// of errors, learned online (Anava, Hazan, Mannor and Shamir, Online Learning for Time Series Prediction, COLT 2013; the
/// components are named as in Box and Jenkins).
///
/// Inputs of the regression: the record's numbers; the last `p` differenced targets; those 1 to `sp` seasons ago; the last
/// `q` errors; those 1 to `sq` seasons ago. Further steps take forecasts for targets, no error, and this record's numbers.
/// A forecast never lies further outside of what was seen than the width of what was seen.
public final class SNARIMAX: Forecaster {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "snarimax", "forecasts a series from its lags, seasons, errors and the record's numbers",
            fields: [
                HyperparameterField("p", .integer(0...500), default: "12", "last targets that are inputs"),
                HyperparameterField("d", .integer(0...4), default: "0", "times the series is differenced"),
                HyperparameterField("q", .integer(0...500), default: "0", "last errors that are inputs"),
                HyperparameterField("m", .integer(1...100_000), default: "1", "periods in a season"),
                HyperparameterField(
                    "sp", .integer(0...100), default: "0", "targets of the last seasons that are inputs"),
                HyperparameterField("sd", .integer(0...2), default: "0", "times it is differenced by season"),
                HyperparameterField(
                    "sq", .integer(0...100), default: "0", "errors of the last seasons that are inputs"),
                HyperparameterField(
                    "regressor", .choice(["least-squares", "sgd"]), default: "least-squares",
                    "recursive least squares, or River's standardized gradient descent"),
                HyperparameterField(
                    "forgetting", .number(0.9...1), default: "0.9995",
                    "least-squares: what a record keeps of its weight"),
                horizonField,
            ]),
        tasks: [.regression], input: .attributes(isScaled: false), presets: ["river": ["regressor": "sgd"]],
        isForecaster: true
    ) { parameters, context throws(SettingError) in try SNARIMAX(parameters, context) }

    let horizon: Int
    private let numbers: [Int]
    private let differencing: Differencing
    private let regression: any LagRegression
    /// Lags of differenced targets and of errors that are inputs, from 1.
    private let lags: [Int]
    private let errorLags: [Int]
    /// Targets, differenced targets and errors, the latest first, so many of them, and the bounds of what was seen.
    private let targets: StateArray<Double>
    private let differences: StateArray<Double>
    private let errors: StateArray<Double>
    private let counts: StateArray<Double>
    private var inputs: [Double]
    private var pastTargets: [Double] = []
    private var pastDifferences: [Double] = []
    private var pastErrors: [Double] = []

    private enum Count {
        static let targets = 0
        static let differences = 1
        static let lowest = 2
        static let highest = 3
        static let last = 4
        static let count = 5
    }

    init(_ parameters: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        horizon = parameters.integer("horizon")
        numbers = context.attributes.indices.filter { !context.attributes[$0].isNominal }
        let periods = parameters.integer("m")
        func seasons(_ name: String) -> [Int] { (0..<parameters.integer(name)).map { ($0 + 1) * periods } }
        lags = Array(0..<parameters.integer("p")).map { $0 + 1 } + seasons("sp")
        errorLags = Array(0..<parameters.integer("q")).map { $0 + 1 } + seasons("sq")
        differencing = Differencing(
            order: parameters.integer("d"), seasonalOrder: parameters.integer("sd"), periods: periods)
        targets = StateArray(count: max(differencing.depth, 1))
        differences = StateArray(count: max(lags.max() ?? 0, 1))
        errors = StateArray(count: max(errorLags.max() ?? 0, 1))
        counts = StateArray(count: Count.count)
        let size = numbers.count + lags.count + errorLags.count
        guard size <= 2000 else {
            throw SettingError("snarimax: \(size) inputs are too many (2000 at most); lower p, q, sp or sq")
        }
        regression =
            parameters["regressor"] == "sgd"
            ? StandardizedDescent(inputs: size)
            : RecursiveLeastSquares(inputs: size, forgetting: parameters.double("forgetting"))
        inputs = Array(repeating: 0, count: size)
    }

    public var state: [StateEntry] {
        [
            StateEntry("targets", targets), StateEntry("differences", differences), StateEntry("errors", errors),
            StateEntry("counts", counts),
        ] + regression.state.prefixed("regression")
    }

    func learn(_ target: Double, _ attributes: UnsafePointer<Double>) {
        let known = counts.base
        if Int(known[Count.targets]) >= differencing.depth {
            gather(
                attributes, UnsafePointer(differences.base), UnsafePointer(errors.base), Int(known[Count.differences]))
            let difference = differencing.difference(target, targets.base)
            let error = difference - regression.predict(inputs)
            // A series that jumps from end to end of what a Double holds has no differences: not a step.
            guard difference.isFinite, error.isFinite else { return }
            regression.learn(inputs, difference)
            Self.push(difference, differences)
            Self.push(error, errors)
            known[Count.differences] += 1
        }
        Self.push(target, targets)
        known[Count.lowest] = known[Count.targets] > 0 ? min(known[Count.lowest], target) : target
        known[Count.highest] = known[Count.targets] > 0 ? max(known[Count.highest], target) : target
        known[Count.last] = target
        known[Count.targets] += 1
    }

    func forecast(_ attributes: UnsafePointer<Double>, into outputs: UnsafeMutablePointer<Double>) {
        let known = counts.base
        guard Int(known[Count.targets]) >= max(differencing.depth, 1) else {
            for step in 0..<horizon { outputs[step] = known[Count.last] }
            return
        }
        guard horizon > 1 else {
            gather(
                attributes, UnsafePointer(differences.base), UnsafePointer(errors.base), Int(known[Count.differences]))
            outputs[0] = bounded(differencing.undo(regression.predict(inputs), targets.base))
            return
        }
        pastTargets = targets.elements
        pastDifferences = differences.elements
        pastErrors = errors.elements
        var count = Int(known[Count.differences])
        for step in 0..<horizon {
            gather(attributes, pastDifferences, pastErrors, count)
            let difference = regression.predict(inputs)
            outputs[step] = bounded(differencing.undo(difference, pastTargets))
            Self.push(outputs[step], &pastTargets)
            Self.push(difference.isFinite ? difference : 0, &pastDifferences)
            Self.push(0, &pastErrors)
            count += 1
        }
    }

    private func bounded(_ value: Double) -> Double {
        SeenRange(counts.base[Count.lowest], counts.base[Count.highest]).bound(value, else: counts.base[Count.last])
    }

    /// Fills `inputs`. Lags from before the series began are NaN.
    private func gather(
        _ attributes: UnsafePointer<Double>, _ differences: UnsafePointer<Double>, _ errors: UnsafePointer<Double>,
        _ count: Int
    ) {
        var place = 0
        for column in numbers {
            inputs[place] = attributes[column].isFinite ? max(-1e100, min(1e100, attributes[column])) : .nan
            place += 1
        }
        for lag in lags {
            inputs[place] = lag <= count ? differences[lag - 1] : .nan
            place += 1
        }
        for lag in errorLags {
            inputs[place] = lag <= count ? errors[lag - 1] : .nan
            place += 1
        }
    }

    private static func push(_ value: Double, _ values: StateArray<Double>) {
        (values.base + 1).update(from: values.base, count: values.count - 1)
        values.base[0] = value
    }

    private static func push(_ value: Double, _ values: inout [Double]) {
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            (base + 1).update(from: base, count: buffer.count - 1)
            base[0] = value
        }
    }
}

import Components
import Records
import State

/// Bayesian linear regression (Bishop, Pattern Recognition and Machine Learning, section 3.3, equations 3.49 to 3.54): a
/// normal prior of precision `alpha` over the weights, noise of precision `beta`; after each record the posterior is normal
/// with covariance S and mean m,
///
///     S⁻¹ = alpha I + beta sum x xᵀ      m = S beta sum x y
///
/// S by Sherman's and Morrison's formula (1950), the mean with it: m += beta S x (y - mᵀ x). The answer is mᵀ x. A category
/// is a column for each of its first `values` values, so that there are at most 2,048 columns; a missing value is 0.
public final class BayesianLinearRegression: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "bayesian-linear-regression",
            "linear regression with the exact posterior of its weights: no learning rate, few fields",
            fields: [
                HyperparameterField("alpha", .number(1e-9...1e9), default: "1", "precision of the weights' prior"),
                HyperparameterField("beta", .number(1e-9...1e9), default: "1", "precision of the noise"),
                HyperparameterField("intercept", .boolean, default: "true", "learn a constant term"),
                HyperparameterField(
                    "values", .integer(0...1024), default: "16", "values of a category that have a column"),
            ]),
        tasks: [.regression], input: .attributes(isScaled: true), presets: ["river": ["intercept": "false"]]
    ) { fields, context throws(SettingError) in try BayesianLinearRegression(fields, context) }

    private let beta: Double
    private let hasIntercept: Bool
    private let values: Int
    private let isNominal: [Bool]
    /// Where each attribute's columns begin.
    private let starts: [Int]
    private let width: Int
    private let mean: StateArray<Double>
    /// S, row after row.
    private let covariance: StateArray<Double>
    /// The record as columns; S x.
    private var columns: [Double]
    private var gains: [Double]

    private static let largestInput = 1e6
    private static let largestTarget = 1e100
    private static let mostColumns = 2048

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError("bayesian-linear-regression learns record by record and has no batch mode 'mean'")
        }
        beta = fields.double("beta")
        hasIntercept = fields.boolean("intercept")
        values = fields.integer("values")
        isNominal = context.attributes.map(\.isNominal)
        var next = 0
        var starts: [Int] = []
        for isNominal in isNominal {
            starts.append(next)
            next += isNominal ? values : 1
        }
        self.starts = starts
        width = next + (hasIntercept ? 1 : 0)
        guard width <= Self.mostColumns else {
            throw SettingError(
                "bayesian-linear-regression: \(width) columns are too many (\(Self.mostColumns)); take fewer values")
        }
        mean = StateArray(count: width)
        covariance = StateArray(count: width * width)
        columns = Array(repeating: 0, count: width)
        gains = Array(repeating: 0, count: width)
        for index in 0..<width { covariance[index * width + index] = 1 / fields.double("alpha") }
    }

    public var classCount: Int { 0 }

    public var state: [StateEntry] { [StateEntry("mean", mean), StateEntry("covariance", covariance)] }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            fill(features.attributes + row * features.attributeCount)
            write(row, features, predictions)
        }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            fill(features.attributes + row * features.attributeCount)
            write(row, features, predictions)
            guard features.targets[row].isFinite, features.hasWeight(row) else { continue }
            if let learned = features.learningAttributes { fill(learned + row * features.attributeCount) }
            learn(features.targets[row], Double(features.weights[row]))
        }
    }

    private func fill(_ record: UnsafePointer<Double>) {
        for index in columns.indices { columns[index] = 0 }
        if hasIntercept { columns[width - 1] = 1 }
        for (index, start) in starts.enumerated() where !record[index].isNaN {
            let value = max(-Self.largestInput, min(Self.largestInput, record[index]))
            if !isNominal[index] {
                columns[start] = value
            } else if value >= 0, value < Double(values) {
                columns[start + Int(value)] = 1
            }
        }
    }

    private func answer() -> Double {
        var sum = 0.0
        for index in 0..<width { sum += mean.base[index] * columns[index] }
        return max(-1e150, min(1e150, sum))
    }

    private func write(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let value = answer()
        predictions.outputs[row * predictions.stride] = value
        predictions.classes[row] = -1
        let error = features.targets[row].isNaN ? 0 : value - features.targets[row]
        predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
    }

    private func learn(_ target: Double, _ weight: Double) {
        let beta = beta * min(weight, 1e9)
        let error = max(-Self.largestTarget, min(Self.largestTarget, target)) - answer()
        var spread = 0.0
        for row in 0..<width {
            var sum = 0.0
            let start = covariance.base + row * width
            for column in 0..<width { sum += start[column] * columns[column] }
            gains[row] = sum
            spread += sum * columns[row]
        }
        // Rounding may leave a little less than nothing, and gains beyond what a covariance allows (Cauchy and Schwarz):
        // uncorrected they would grow without bound.
        spread = max(0, spread)
        let share = beta / (1 + beta * spread)
        for row in 0..<width {
            let most = (max(0, covariance.base[row * width + row]) * spread).squareRoot()
            gains[row] = max(-most, min(most, gains[row]))
        }
        for row in 0..<width where gains[row] != 0 {
            mean.base[row] = max(-1e130, min(1e130, mean.base[row] + share * gains[row] * error))
            let factor = share * gains[row]
            let start = covariance.base + row * width
            for column in 0..<width { start[column] -= factor * gains[column] }
        }
    }
}

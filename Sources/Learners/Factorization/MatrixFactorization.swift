import Components
import Glibc
import Records
import State

/// Biased matrix factorization: a rating is the mean, what its user and its item add to it, and the product of their latent
/// vectors (Koren, Bell and Volinsky, Matrix Factorization Techniques for Recommender Systems, Computer 42, 2009, equations 4
/// and 5), by stochastic gradient descent:
///
///     r = mean + b_u + b_i + <p_u, q_i>
///
/// Each side has `room` rows. A category's values have a row of their own until there are more; small whole numbers are row
/// numbers; whatever is beyond shares rows by its hash. Whom nobody has learned adds nothing.
public final class MatrixFactorization: Learner {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "matrix-factorization", "ratings of items by users: biases and latent vectors of both",
            fields: [
                HyperparameterField("user", .names, default: "", "the users' field; else the first category"),
                HyperparameterField("item", .names, default: "", "the items' field; else the second category"),
                HyperparameterField("factors", .integer(1...1024), default: "10", "numbers of a latent vector"),
                HyperparameterField("learning-rate", .number(0...1e3), default: "0.05", "of biases and vectors"),
                HyperparameterField("l2-bias", .number(0...1e3), default: "0.01", "L2 regularization of biases"),
                HyperparameterField("l2-latent", .number(0...1e3), default: "0.01", "L2 regularization of vectors"),
                HyperparameterField("sigma", .number(0...10), default: "0.1", "deviation that vectors begin with"),
                HyperparameterField(
                    "room", .integer(16...16_777_216), default: "65536", "rows for users, and for items"),
                HyperparameterField(
                    "scale-target", .boolean, default: "true", "ratings are learned by their mean and deviation"),
            ]),
        tasks: [.regression], input: .attributes(isScaled: false),
        presets: [
            "river": ["learning-rate": "0.01", "l2-bias": "0", "l2-latent": "0", "scale-target": "false"]
        ]
    ) { fields, context throws(SettingError) in try MatrixFactorization(fields, context) }

    private let user: Int
    private let item: Int
    private let isNominal: [Bool]
    private let factors: Int
    private let rate: Double
    private let biasL2: Double
    private let latentL2: Double
    private let room: Int
    private let scalesTarget: Bool
    private let draw: LatentDraw
    /// Users, then items; of each: 1 = learned, the bias, the vector.
    private let rows: StateArray<Float>
    private let target = RunningTarget()

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError("matrix-factorization learns record by record and has no batch mode 'mean'")
        }
        (user, item) = try Self.sides(fields, context.attributes)
        isNominal = context.attributes.map(\.isNominal)
        factors = fields.integer("factors")
        rate = fields.double("learning-rate")
        biasL2 = fields.double("l2-bias")
        latentL2 = fields.double("l2-latent")
        room = fields.integer("room")
        scalesTarget = fields.boolean("scale-target")
        draw = LatentDraw(sigma: fields.double("sigma"), seed: context.seed)
        guard 2 * room * (2 + factors) <= 1 << 28 else {
            throw SettingError("matrix-factorization: too many numbers; take a smaller room or fewer factors")
        }
        rows = StateArray(count: 2 * room, lanes: 2 + factors, marksChanges: true)
    }

    /// The places of the users' and the items' field.
    private static func sides(
        _ fields: Hyperparameters, _ attributes: [Attribute]
    ) throws(SettingError) -> (Int, Int) {
        let nominal = attributes.indices.filter { attributes[$0].isNominal }
        func place(_ name: String, otherwise index: Int) throws(SettingError) -> Int {
            let given = fields[name]
            if given.isEmpty {
                if index < nominal.count { return nominal[index] }
                throw SettingError(
                    "matrix-factorization: which field is the \(name)? Say \(name)=FIELD"
                        + "; there are: " + attributes.map(\.name).joined(separator: ", "))
            }
            if let found = attributes.firstIndex(where: { $0.name == given }) { return found }
            throw SettingError(
                "matrix-factorization: there is no field '\(given)'" + didYouMean(given, attributes.map(\.name)))
        }
        let (user, item) = (try place("user", otherwise: 0), try place("item", otherwise: 1))
        guard user != item else {
            throw SettingError("matrix-factorization: user and item are the same field, '\(attributes[user].name)'")
        }
        return (user, item)
    }

    public var classCount: Int { 0 }

    public var state: [StateEntry] { [StateEntry("rows", rows), StateEntry("target", target.moments)] }

    public func predict(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows { write(row, features, predictions) }
    }

    public func predictThenLearn(_ features: FeatureBatch, into predictions: PredictionBatch) {
        predictions.widen(to: 1)
        for row in 0..<features.rows {
            write(row, features, predictions)
            guard features.targets[row].isFinite, features.hasWeight(row) else { continue }
            learn(row, features)
        }
    }

    private func write(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        let score = score(features, row)
        let value = scalesTarget ? target.unscale(score) : target.mean + score
        predictions.outputs[row * predictions.stride] = value
        predictions.classes[row] = -1
        let error = features.targets[row].isNaN ? 0 : value - features.targets[row]
        predictions.losses[row] = min(error * error, .greatestFiniteMagnitude)
    }

    /// The row of a user or an item; nil: it is missing.
    private func place(_ features: FeatureBatch, _ row: Int, _ side: Int, _ field: Int) -> Int? {
        let value = features.attributes[row * features.attributeCount + field]
        guard !value.isNaN else { return nil }
        if value >= 0, value < Double(room), value == value.rounded(.down) { return side * room + Int(value) }
        let product = (value.bitPattern &+ 1) &* 0x9e37_79b9_7f4a_7c15
        return side * room + Int((product ^ (product >> 32)) % UInt64(room))
    }

    /// What user and item add to the mean.
    private func score(_ features: FeatureBatch, _ row: Int) -> Double {
        let slots = FactorSlots(rows)
        let first = place(features, row, 0, user).map { slots[$0] }
        let second = place(features, row, 1, item).map { slots[$0] }
        var score = Double(first?[1] ?? 0) + Double(second?[1] ?? 0)
        guard let first, let second, first[0] > 0, second[0] > 0 else { return score }
        for factor in 2..<2 + factors { score += Double(first[factor]) * Double(second[factor]) }
        return score
    }

    private func learn(_ row: Int, _ features: FeatureBatch) {
        let slots = FactorSlots(rows)
        let places = [place(features, row, 0, user), place(features, row, 1, item)]
        for case let place? in places where slots[place][0] == 0 {
            slots[place][0] = 1
            draw.fill(place, slots[place] + 2, count: factors)
        }
        target.learn(features.targets[row])
        let truth = scalesTarget ? target.scale(features.targets[row]) : target.distance(features.targets[row])
        let weight = min(Double(features.weights[row]), 1e6)
        let gradient = max(-1e12, min(1e12, 2 * (score(features, row) - truth))) * weight
        let step = FactorStep(rate: rate, isAdaptive: false)
        for case let place? in places {
            let bias = slots[place] + 1
            step.take(bias, bias, gradient + biasL2 * Double(bias[0]))
            slots.mark(place)
        }
        guard let first = places[0], let second = places[1] else { return }
        for factor in 2..<2 + factors {
            let (mine, other) = (slots[first] + factor, slots[second] + factor)
            let (before, after) = (Double(mine[0]), Double(other[0]))
            step.take(mine, mine, gradient * after + latentL2 * before)
            step.take(other, other, gradient * before + latentL2 * after)
        }
    }
}

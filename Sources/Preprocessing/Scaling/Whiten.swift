import Components
import State

/// Decorrelates numbers: multiplies the centred record by W, so that the result's covariance is the unit matrix.
///
/// From the running covariance C = U Λ Uᵀ: ZCA W = U (Λ + ε)^-½ Uᵀ stays closest to the input (Bell and Sejnowski
/// 1997); PCA W = (Λ + ε)^-½ Uᵀ puts the direction of largest variance first (scikit-learn's PCA with `whiten`, up to
/// sign; each direction's largest entry is positive). W is computed anew every `every` records, by Jacobi's rotations:
/// the same bytes on every machine, which LAPACK on differently tuned kernels does not promise. Until then numbers
/// pass as they are.
///
/// A missing number counts as its mean. With ZCA it stays missing.
final class Whiten: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "whiten", "decorrelate numbers by their running covariance",
            fields: [
                HyperparameterField("method", .choice(["zca", "pca"]), default: "zca", "which rotation"),
                HyperparameterField("every", .integer(1...1_000_000), default: "1000", "records between refreshes"),
                HyperparameterField(
                    "fading", .number(0...0.5), default: "0", "weight of the newest record; 0 = all count the same"),
                HyperparameterField(
                    "epsilon", .number(0...1e9), default: "1e-6", "added to variances, relative to the largest"),
            ])
    ) { parameters, columns throws(SettingError) in
        guard columns <= 256 else {
            throw SettingError("whiten: \(columns) number fields are too many (256); name some with fields=A+B")
        }
        return Whiten(
            columns: columns,
            Rule(
                isPCA: parameters["method"] == "pca", every: Double(parameters.integer("every")),
                fading: parameters.double("fading"), epsilon: parameters.double("epsilon")))
    }

    struct Rule {
        let isPCA: Bool
        /// Records between refreshes.
        let every: Double
        let fading: Double
        let epsilon: Double
    }

    private let rule: Rule
    private let width: Int
    /// Its second count is 1 once there is a W.
    private let covariance: RunningCovariance
    /// W, and the means it was computed with.
    private let weights: StateArray<Double>
    private let centers: StateArray<Double>
    private var deviations: [Double]

    init(columns: Int, _ rule: Rule) {
        self.rule = rule
        width = columns
        covariance = RunningCovariance(width: columns, fading: rule.fading)
        weights = StateArray(count: columns * columns)
        centers = StateArray(count: columns)
        deviations = Array(repeating: 0, count: columns)
    }

    var state: [StateEntry] {
        covariance.state + [StateEntry("weights", weights), StateEntry("centers", centers)]
    }

    func process(_ columns: NumberColumns) {
        guard width > 0 else { return }
        for row in 0..<columns.rows {
            let isLearned = columns.learns?[row] ?? false
            if let learning = columns.learningValues {
                transform(columns.values + row, columns.stride)
                guard isLearned else { continue }
                learn(learning + row, columns.stride)
                transform(learning + row, columns.stride)
            } else {
                // What the row was, before it is transformed in place.
                for column in 0..<width { deviations[column] = columns.values[column * columns.stride + row] }
                transform(columns.values + row, columns.stride)
                if isLearned { deviations.withUnsafeMutableBufferPointer { learn($0.baseAddress, 1) } }
            }
        }
    }

    private func transform(_ values: UnsafeMutablePointer<Double>, _ stride: Int) {
        guard covariance.counts.base[1] > 0 else { return }
        let (width, weights, centers) = (width, weights.base, centers.base)
        withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { centred in
            for column in 0..<width {
                let value = values[column * stride]
                centred[column] = value.isNaN ? 0 : bounded(value - centers[column])
            }
            for row in 0..<width {
                var sum = 0.0
                for column in 0..<width { sum += bounded(weights[row * width + column] * centred[column]) }
                let isMissing = !rule.isPCA && values[row * stride].isNaN
                // Terms of both signs beyond what is finite cancel to no number.
                values[row * stride] = isMissing ? .nan : sum.isNaN ? 0 : bounded(sum)
            }
        }
    }

    private func learn(_ values: UnsafeMutablePointer<Double>?, _ stride: Int) {
        guard let values else { return }
        if covariance.learn(values, stride).truncatingRemainder(dividingBy: rule.every) == 0 { refresh() }
    }

    private func refresh() {
        let (values, vectors) = SymmetricMatrix.eigen(covariance.products.elements, width)
        guard let largest = values.first, largest > 0 else { return }
        var scales: [Double] = []
        for value in values {
            let variance = max(value, 0) + rule.epsilon * largest
            scales.append(variance > 0 ? 1 / variance.squareRoot() : 0)
        }
        for row in 0..<width {
            for column in 0..<width {
                var weight = 0.0
                if rule.isPCA {
                    weight = scales[row] * vectors[row * width + column]
                } else {
                    for k in 0..<width {
                        weight += vectors[k * width + row] * scales[k] * vectors[k * width + column]
                    }
                }
                weights.base[row * width + column] = bounded(weight)
            }
            centers.base[row] = covariance.means.base[row]
        }
        covariance.counts.base[1] = 1
    }
}

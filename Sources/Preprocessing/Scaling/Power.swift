import Components
import Glibc
import State

/// Makes numbers more like a normal distribution by Yeo and Johnson's (2000) power transform, with an exponent that is
/// given or kept at its likeliest value:
///
///     x >= 0: ((x + 1)^λ - 1) / λ, ln(x + 1) for λ = 0
///     x <  0: -((1 - x)^(2 - λ) - 1) / (2 - λ), -ln(1 - x) for λ = 2
///
/// The likelihood of 17 exponents from -2 to 2 is kept by running moments, -n/2 ln σ²(λ) + (λ - 1) Σ sign(x) ln(1 + |x|);
/// the best is chosen anew every 64 values, until then λ = 1 (scikit-learn maximises the same over all λ).
final class Power: Transformer {
    static let descriptor = TransformerDescriptor(
        Descriptor(
            "power", "make numbers more normal by Yeo and Johnson's power transform",
            fields: [
                HyperparameterField(
                    "exponent", .number(-5...5), default: "auto", "λ; auto = the likeliest of -2 to 2 in quarters")
            ])
    ) { parameters, columns in Power(columns: columns, exponent: Double(parameters["exponent"])) }

    private static let grid = (0...16).map { Double($0) / 4 - 2 }
    /// Values between choices.
    private static let period = 64.0

    private let exponent: Double?
    /// Per column: chosen exponent, count, Σ sign(x) ln(1 + |x|), then for each exponent mean and squared deviations.
    private let moments: StateArray<Double>

    init(columns: Int, exponent: Double?) {
        self.exponent = exponent
        moments = StateArray(count: exponent == nil ? columns : 0, lanes: 3 + 2 * Self.grid.count)
        for column in 0..<moments.count { moments[column * moments.lanes] = 1 }
    }

    var state: [StateEntry] { [StateEntry("moments", moments)] }

    func process(_ columns: NumberColumns) {
        for column in 0..<columns.count {
            if let exponent {
                columns.process(column, transform: { Self.transform($0, exponent) }, learn: { _ in })
            } else {
                let kept = moments.base + moments.lanes * column
                columns.process(
                    column, transform: { Self.transform($0, kept[0]) }, learn: { Self.learn($0, kept) })
            }
        }
    }

    static func transform(_ value: Double, _ exponent: Double) -> Double {
        guard !value.isNaN else { return value }
        if value >= 0 {
            return bounded(exponent == 0 ? log1p(bounded(value)) : expm1(exponent * log1p(bounded(value))) / exponent)
        }
        let other = 2 - exponent
        return bounded(other == 0 ? -log1p(bounded(-value)) : -expm1(other * log1p(bounded(-value))) / other)
    }

    private static func learn(_ value: Double, _ kept: UnsafeMutablePointer<Double>) {
        // So far out, the square of a transformed value overflows.
        guard abs(value) < 1e30 else { return }
        kept[1] += 1
        kept[2] += value < 0 ? -log1p(-value) : log1p(value)
        for (index, exponent) in grid.enumerated() {
            let moment = kept + 3 + 2 * index
            let deviation = transform(value, exponent) - moment[0]
            moment[0] += deviation / kept[1]
            moment[1] += deviation * (deviation - deviation / kept[1])
        }
        guard kept[1].truncatingRemainder(dividingBy: period) == 0 else { return }
        var best = -Double.infinity
        for (index, exponent) in grid.enumerated() {
            let variance = kept[3 + 2 * index + 1] / kept[1]
            guard variance > 1e-300 else { continue }
            let likelihood = -kept[1] / 2 * log(variance) + (exponent - 1) * kept[2]
            if likelihood > best {
                best = likelihood
                kept[0] = exponent
            }
        }
    }
}

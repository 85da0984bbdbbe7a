import Glibc
import State

/// What an action costs, from its features.
protocol CostModel: Stateful {
    /// Finite.
    func cost(_ features: ActionFeatures) -> Double
    /// How uncertain the cost is; 0 where the model cannot tell.
    func deviation(_ features: ActionFeatures) -> Double
    func learn(_ features: ActionFeatures, _ cost: Double, _ weight: Double)
}

/// A linear model in hashed slots with rates by feature, which does not depend on the features' scales (Ross, Mineiro and
/// Langford, Normalized Online Learning, UAI 2013, Algorithm 2), and steps that never pass the target however large the
/// weight (Karampatziakis and Langford, Online Importance Weight Aware Updates, UAI 2011).
final class AdaptiveCosts: CostModel {
    private let rate: Double
    /// Per slot: weight, sum of squared gradients, largest value.
    private let slots: StateArray<Double>
    /// Records learned, Σ over records of Σ x² / s², and the bounds of the costs learned.
    private let totals: StateArray<Double>

    init(slotCount: Int, rate: Double) {
        self.rate = rate
        slots = StateArray(count: slotCount, lanes: 3, marksChanges: true)
        totals = StateArray(count: 4)
    }

    var state: [StateEntry] { [StateEntry("slots", slots), StateEntry("totals", totals)] }

    func cost(_ features: ActionFeatures) -> Double {
        var sum = 0.0
        for (index, value) in zip(features.indices, features.values) { sum += slots.base[3 * Int(index)] * value }
        return bounded(sum)
    }

    /// No cost lies outside of those that were seen.
    private func bounded(_ sum: Double) -> Double { max(totals.base[2], min(totals.base[3], sum)) }

    func deviation(_ features: ActionFeatures) -> Double { 0 }

    func learn(_ features: ActionFeatures, _ cost: Double, _ weight: Double) {
        guard cost.isFinite, abs(cost) < 1e100, weight > 0, weight < 1e100 else { return }
        totals.base[2] = totals.base[0] > 0 ? min(totals.base[2], cost) : cost
        totals.base[3] = totals.base[0] > 0 ? max(totals.base[3], cost) : cost
        totals.base[0] += 1
        var norm = 0.0
        var prediction = 0.0
        for (index, value) in zip(features.indices, features.values) where value != 0 {
            let slot = slots.base + 3 * Int(index)
            slots.markChanged(3 * Int(index), 3)
            let size = abs(value)
            if size > slot[2] {
                // The weight for a scale that was too small.
                slot[0] *= slot[2] / size * (slot[2] / size)
                slot[2] = size
            }
            norm += value / slot[2] * (value / slot[2])
            prediction += slot[0] * value
        }
        totals.base[1] += norm
        guard norm > 0, prediction.isFinite else { return }
        step(features, error: bounded(prediction) - cost, weight)
    }

    private func step(_ features: ActionFeatures, error: Double, _ weight: Double) {
        let gradient = 2 * error * weight
        let scale = rate * (totals.base[0] / totals.base[1]).squareRoot()
        guard gradient != 0, gradient.isFinite, scale.isFinite else { return }
        var reach = 0.0
        for (index, value) in zip(features.indices, features.values) where value != 0 {
            let slot = slots.base + 3 * Int(index)
            let square = slot[1] + gradient * value * (gradient * value)
            guard square.isFinite else { return }
            slot[1] = square
            reach += value * value * scale / (slot[2] * square.squareRoot())
        }
        guard reach > 0, reach.isFinite else { return }
        // The solution of the differential equation of infinitely many small steps.
        let move = error * -expm1(-2 * weight * reach) / reach
        for (index, value) in zip(features.indices, features.values) where value != 0 {
            let slot = slots.base + 3 * Int(index)
            let next = slot[0] - move * value * scale / (slot[2] * slot[1].squareRoot())
            if next.isFinite { slot[0] = next }
        }
    }
}

/// Bayesian linear regression over `dimensions` features: the first ones that come have a place each, later ones share by
/// hash. Ridge regression's mean and covariance, updated by Sherman and Morrison's formula; the deviation is √(xᵀ A⁻¹ x).
final class LinearPosterior: CostModel {
    private let dimensions: Int
    /// A⁻¹, row after row; the mean; hashed index + 1 by place; features met.
    private let covariance: StateArray<Double>
    private let mean: StateArray<Double>
    private let places: StateArray<UInt32>
    private var sparse: [(place: Int, value: Double)] = []
    private var product: [Double]

    init(dimensions: Int, ridge: Double) {
        self.dimensions = dimensions
        covariance = StateArray(count: dimensions * dimensions, marksChanges: false)
        mean = StateArray(count: dimensions)
        places = StateArray(count: dimensions)
        product = Array(repeating: 0, count: dimensions)
        for place in 0..<dimensions { covariance.base[place * dimensions + place] = 1 / ridge }
    }

    var state: [StateEntry] {
        [StateEntry("covariance", covariance), StateEntry("mean", mean), StateEntry("places", places)]
    }

    /// The place of a feature: its own, a free one, or one it shares.
    private func place(_ index: UInt32, claims: Bool) -> Int {
        let home = Int(index) % dimensions
        var place = home
        repeat {
            if places.base[place] == index &+ 1 { return place }
            if places.base[place] == 0 {
                if claims { places.base[place] = index &+ 1 }
                return place
            }
            place = place + 1 == dimensions ? 0 : place + 1
        } while place != home
        return home
    }

    private func gather(_ features: ActionFeatures, claims: Bool) {
        sparse.removeAll(keepingCapacity: true)
        for (index, value) in zip(features.indices, features.values) where value != 0 {
            sparse.append((place(index, claims: claims), value))
        }
    }

    func cost(_ features: ActionFeatures) -> Double {
        gather(features, claims: false)
        let sum = sparse.reduce(0) { $0 + mean.base[$1.place] * $1.value }
        return sum.isFinite ? sum : 0
    }

    func deviation(_ features: ActionFeatures) -> Double {
        gather(features, claims: false)
        var sum = 0.0
        for (row, a) in sparse {
            for (column, b) in sparse { sum += a * b * covariance.base[row * dimensions + column] }
        }
        return sum > 0 && sum.isFinite ? sum.squareRoot() : 0
    }

    func learn(_ features: ActionFeatures, _ cost: Double, _ weight: Double) {
        guard cost.isFinite, abs(cost) < 1e100, weight > 0, weight < 1e100 else { return }
        gather(features, claims: true)
        var spread = 1 / weight
        var error = cost
        for row in 0..<dimensions {
            product[row] = sparse.reduce(0) { $0 + covariance.base[row * dimensions + $1.place] * $1.value }
        }
        for (place, value) in sparse {
            spread += product[place] * value
            error -= mean.base[place] * value
        }
        guard spread > 0, spread.isFinite, error.isFinite else { return }
        for row in 0..<dimensions where product[row] != 0 {
            mean.base[row] += product[row] / spread * error
            let factor = product[row] / spread
            for column in 0..<dimensions { covariance.base[row * dimensions + column] -= factor * product[column] }
        }
    }
}

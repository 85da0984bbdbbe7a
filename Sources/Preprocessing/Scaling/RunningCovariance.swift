import State

/// Means and covariance of numbers as they come: with d from the old mean and s the newest record's share,
/// C' = (1 - s) (C + s d dᵀ). A missing number counts as its mean.
final class RunningCovariance {
    let width: Int
    private let fading: Double
    /// Records learned, and whatever number its owner keeps beside.
    let counts = StateArray<Double>(count: 2)
    let means: StateArray<Double>
    /// Row by row, the mean of products of deviations.
    let products: StateArray<Double>

    /// Numbers beyond have squares that spoil a covariance for good; they are learned as this.
    private static let largest = 1e70

    /// - Parameter fading: weight of the newest record; 0 = all count the same.
    init(width: Int, fading: Double) {
        self.width = width
        self.fading = fading
        means = StateArray(count: width)
        products = StateArray(count: width * width)
    }

    var state: [StateEntry] {
        [StateEntry("counts", counts), StateEntry("means", means), StateEntry("covariance", products)]
    }

    /// Takes a record in, whose numbers lie `stride` apart. Returns how many there are now.
    func learn(_ values: UnsafePointer<Double>, _ stride: Int) -> Double {
        let count = counts.base[0] + 1
        let share = fading > 0 ? max(fading, 1 / count) : 1 / count
        withUnsafeTemporaryAllocation(of: Double.self, capacity: width) { before in
            for column in 0..<width {
                let value = values[column * stride]
                let cut = min(max(value, -Self.largest), Self.largest)
                before[column] = value.isNaN ? 0 : cut - means.base[column]
            }
            for row in 0..<width {
                for column in 0..<width {
                    let at = row * width + column
                    products.base[at] = (1 - share) * (products.base[at] + share * before[row] * before[column])
                }
            }
            for column in 0..<width { means.base[column] += share * before[column] }
        }
        counts.base[0] = count
        return count
    }
}

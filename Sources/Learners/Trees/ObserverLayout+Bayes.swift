import Glibc

extension ObserverLayout {
    /// Naive Bayes over a block:
    ///
    ///     P(c | x) ~ N_c · prod_numeric N(x_i; mean_ci, variance_ci) · prod_nominal (N_civ + 1) / (N_ci + values_ci)
    ///
    /// Missing values are passed over. A class with no observation of an attribute, or none but other values of a
    /// constant one, is impossible (MOA's NaiveBayes). Worked out in logarithms, one for each class.
    ///
    /// - Parameters:
    ///   - weights: of the classes.
    ///   - underflows: true: as a product of doubles, which becomes 0 where many densities are small (MOA).
    ///   - votes: by class; all 0 where every class is impossible.
    /// - Returns: the class with the most votes, the first where several have.
    @inline(__always)
    func bayes(
        _ block: UnsafePointer<Double>, _ row: UnsafePointer<Double>, _ weights: UnsafePointer<Double>,
        underflows: Bool, _ votes: UnsafeMutablePointer<Double>
    ) -> Int {
        var isSmall = false
        var best = 0
        var top = -Double.infinity
        for target in 0..<classes {
            let score = logarithm(block, row, weights, target, &isSmall)
            votes[target] = score
            if score > top {
                top = score
                best = target
            }
        }
        if isSmall, underflows { return product(block, row, weights, votes) }
        guard top > -Double.infinity else {
            for target in 0..<classes { votes[target] = 0 }
            return 0
        }
        for target in 0..<classes { votes[target] = target == best ? 1 : exp(votes[target] - top) }
        return best
    }

    private static let logTwoPi = 1.8378770664093453

    @inline(__always)
    private func logarithm(
        _ block: UnsafePointer<Double>, _ row: UnsafePointer<Double>, _ weights: UnsafePointer<Double>, _ target: Int,
        _ isSmall: inout Bool
    ) -> Double {
        guard weights[target] > 0 else { return -.infinity }
        // Squared distances in variances, added up; products of variances and of shares, kept in range.
        var squares = 0.0
        var variances = 1.0
        var gaussians = 0.0
        var counts = weights[target]
        var totals = 1.0
        var folded = 0.0
        for index in 0..<count {
            let given = row[index]
            if given.isNaN || block[Self.headerCount + index] == 0 { continue }
            let column = columns[index]
            if column.values == 0 {
                let cell = block + offset(of: index, in: block) + Self.cellCount * target
                guard cell[0] > 0 else { return -.infinity }
                let variance = Self.variance(cell)
                let distance = Self.bounded(given) - cell[1]
                if variance > 0 {
                    squares += distance * distance / variance
                    variances *= variance
                    gaussians += 1
                } else if distance != 0 {
                    return -.infinity
                }
            } else {
                let head = block + column.offset + 2 * target
                guard head[1] > 0 else { return -.infinity }
                let code = Int(given)
                let seen = code < column.values ? block[column.offset + 2 * classes + code * classes + target] : 0
                counts *= seen + 1
                totals *= head[0] + head[1]
                if totals > 1e140 || counts > 1e140 {
                    folded += 2 * log(totals / counts)
                    (counts, totals) = (1, 1)
                }
            }
            if variances > 1e140 || variances < 1e-140 {
                folded += log(variances)
                variances = 1
            }
        }
        if squares > 600 || abs(folded) > 600 { isSmall = true }
        let rest = gaussians > 0 ? 0.5 * (squares + log(variances) + gaussians * Self.logTwoPi) : 0
        return log(counts / totals) - rest - 0.5 * folded
    }

    /// The same with a number added to every density, so that no class is impossible (River's GaussianNB).
    func flooredBayes(
        _ block: UnsafePointer<Double>, _ row: UnsafePointer<Double>, _ weights: UnsafePointer<Double>, floor: Double,
        _ votes: UnsafeMutablePointer<Double>
    ) {
        var top = -Double.infinity
        for target in 0..<classes {
            votes[target] = weights[target] > 0 ? log(weights[target]) : -.infinity
            for index in 0..<count where !row[index].isNaN {
                let column = columns[index]
                let hasSpread =
                    column.values > 0 || Self.variance(block + column.offset + Self.cellCount * target) > 0
                votes[target] += log(floor + (hasSpread ? factor(block, index, row[index], target) : 0))
            }
            top = max(top, votes[target])
        }
        for target in 0..<classes { votes[target] = top > -.infinity ? exp(votes[target] - top) : 0 }
    }

    /// The same as a product of doubles, attribute by attribute.
    @inline(never)
    private func product(
        _ block: UnsafePointer<Double>, _ row: UnsafePointer<Double>, _ weights: UnsafePointer<Double>,
        _ votes: UnsafeMutablePointer<Double>
    ) -> Int {
        var sum = 0.0
        for target in 0..<classes { sum += weights[target] }
        for target in 0..<classes {
            var vote = weights[target] / sum
            for index in 0..<count where !row[index].isNaN && block[Self.headerCount + index] != 0 {
                vote *= factor(block, index, row[index], target)
            }
            votes[target] = vote
        }
        return ClassVotes.best(votes, classes)
    }

    private func factor(_ block: UnsafePointer<Double>, _ index: Int, _ given: Double, _ target: Int) -> Double {
        let column = columns[index]
        guard column.values == 0 else {
            let head = block + column.offset + 2 * target
            let code = Int(given)
            let seen = code < column.values ? block[column.offset + 2 * classes + code * classes + target] : 0
            return head[1] > 0 ? (seen + 1) / (head[0] + head[1]) : 0
        }
        let cell = block + offset(of: index, in: block) + Self.cellCount * target
        guard cell[0] > 0 else { return 0 }
        let deviation = Self.variance(cell).squareRoot()
        let distance = Self.bounded(given) - cell[1]
        guard deviation > 0 else { return distance == 0 ? 1 : 0 }
        let density =
            exp(-(distance * distance / (2 * deviation * deviation))) / ((2 * Double.pi).squareRoot() * deviation)
        // A variance near the least number would make the density infinite.
        return min(density, 1e150)
    }
}

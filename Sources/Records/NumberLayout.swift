/// What stands behind a predicted number in its row's outputs: the interval's lower and upper end, then quantiles.
public struct NumberLayout: Sendable, Equatable {
    public let hasInterval: Bool
    /// Levels between 0 and 1, rising.
    public let quantiles: [Double]

    public init(hasInterval: Bool = false, quantiles: [Double] = []) {
        self.hasInterval = hasInterval
        self.quantiles = quantiles
    }

    /// Where the first quantile stands.
    public var firstQuantile: Int { hasInterval ? 3 : 1 }

    /// Numbers a row, with the predicted one.
    public var width: Int { firstQuantile + quantiles.count }

    /// Names of the numbers behind the predicted one, in their order.
    public var names: [String] {
        (hasInterval ? ["lower", "upper"] : []) + quantiles.map { "quantile_\($0)" }
    }
}

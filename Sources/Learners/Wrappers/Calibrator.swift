import Glibc
import State

/// Maps the scores of classes to probabilities that come true as often as they say: one map a class, of its log-odds
/// against all others. Starts as the identity.
protocol Calibrator: Stateful {
    /// Makes room for more classes; what was learned stays.
    func grow(toClasses count: Int)

    /// The probability that stands for a score of log-odds, in (0, 1). Changes nothing.
    func probability(of logOdds: Double, class index: Int) -> Double

    /// - Parameter weight: above 0, finite.
    func learn(_ logOdds: Double, class index: Int, isTrue: Bool, weight: Double)
}

/// How scores become probabilities.
public enum CalibrationMethod: String, Sendable, CaseIterable {
    case platt
    case isotonic

    func makeCalibrator() -> any Calibrator {
        switch self {
        case .platt: PlattScaling()
        case .isotonic: IsotonicBins()
        }
    }
}

/// Probabilities and log-odds, kept away from where they have no end.
enum LogOdds {
    private static let smallest = 1e-12

    @inline(__always) static func of(_ probability: Double) -> Double {
        let p = min(max(probability, smallest), 1 - smallest)
        return log(p / (1 - p))
    }

    @inline(__always) static func probability(_ logOdds: Double) -> Double {
        min(max(1 / (1 + exp(-logOdds)), smallest), 1 - smallest)
    }
}

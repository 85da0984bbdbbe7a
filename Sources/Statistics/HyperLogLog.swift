import Glibc
import State

/// How many different values there were, in 2^precision bytes, mergeable: HyperLogLog (Flajolet, Fusy, Gandouet and
/// Meunier 2007) with the improved raw estimator of Ertl (arXiv 1702.01284, algorithm 6), which needs no correction by
/// tables and holds from the first value on.
///
/// Error: standard error 1.04 / sqrt(2^precision) of the number. Values come as hashes of 64 well-spread bits.
public final class HyperLogLog: Stateful {
    public let precision: Int
    private let registers: StateArray<UInt8>

    /// - Parameter precision: log2 of the registers, 4...18; 12 = 4096 bytes and 1.6 %.
    public init(precision: Int = 12) {
        self.precision = min(max(precision, 4), 18)
        registers = StateArray(count: 1 << self.precision)
    }

    public var state: [StateEntry] { [StateEntry("registers", registers)] }

    /// The estimate's standard error, as a share of it.
    public var standardError: Double { Self.standardError(precision: precision) }

    public static func standardError(precision: Int) -> Double { 1.04 / Double(1 << precision).squareRoot() }

    /// Learns a hash: its first bits choose a register, the zeros after them are its value.
    public func learn(_ hash: UInt64) {
        let index = Int(truncatingIfNeeded: hash >> UInt64(64 - precision))
        let rest = hash << UInt64(precision) | 1 << UInt64(precision - 1)
        let rank = UInt8(truncatingIfNeeded: rest.leadingZeroBitCount + 1)
        if rank > registers.base[index] { registers.base[index] = rank }
    }

    public func merge(_ other: HyperLogLog) {
        precondition(precision == other.precision, "sketches of different precision do not merge")
        for index in 0..<registers.count {
            registers.base[index] = max(registers.base[index], other.registers.base[index])
        }
    }

    public var estimate: Double {
        let m = Double(registers.count)
        let highest = 64 - precision
        var histogram = [Int](repeating: 0, count: highest + 2)
        for index in 0..<registers.count { histogram[min(Int(registers.base[index]), highest + 1)] += 1 }
        guard histogram[0] < registers.count else { return 0 }
        var z = m * Self.tau(1 - Double(histogram[highest + 1]) / m)
        for rank in stride(from: highest, through: 1, by: -1) { z = 0.5 * (z + Double(histogram[rank])) }
        z += m * Self.sigma(Double(histogram[0]) / m)
        return m * m / (2 * log(2) * z)
    }

    /// x + sum of x^(2^k) 2^(k-1), equation (13).
    private static func sigma(_ share: Double) -> Double {
        guard share < 1 else { return .infinity }
        var x = share
        var y = 1.0
        var z = x
        var last: Double
        repeat {
            x *= x
            last = z
            z += x * y
            y += y
        } while z != last
        return z
    }

    /// (1 - x - sum of (1 - x^(2^-k))^2 2^-k) / 3, equation (19).
    private static func tau(_ share: Double) -> Double {
        guard share > 0, share < 1 else { return 0 }
        var x = share
        var y = 1.0
        var z = 1 - x
        var last: Double
        repeat {
            x = x.squareRoot()
            last = z
            y *= 0.5
            z -= (1 - x) * (1 - x) * y
        } while z != last
        return z / 3
    }
}

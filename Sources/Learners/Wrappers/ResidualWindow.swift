import State

/// The latest numbers, in order of arrival and sorted, for quantiles of what came lately.
final class ResidualWindow: Stateful {
    /// The latest numbers; the oldest is overwritten.
    private let numbers: StateArray<Double>
    /// How many numbers came.
    private let arrived = StateArray<UInt64>(count: 1)
    /// Derived from the others.
    @exclusivity(unchecked) private var sorted: [Double] = []

    /// - Parameter capacity: numbers kept, at least 1.
    init(capacity: Int) {
        numbers = StateArray(count: max(capacity, 1))
        sorted.reserveCapacity(capacity)
    }

    var state: [StateEntry] { [StateEntry("residuals", numbers), StateEntry("residuals_arrived", arrived)] }

    func stateDidChange() {
        let count = Int(min(arrived[0], UInt64(numbers.count)))
        sorted.removeAll(keepingCapacity: true)
        sorted.append(contentsOf: UnsafeBufferPointer(start: numbers.base, count: count))
        sorted.sort()
    }

    var count: Int { sorted.count }

    /// - Parameter number: finite.
    func add(_ number: Double) {
        let place = Int(arrived[0] % UInt64(numbers.count))
        if sorted.count == numbers.count { sorted.remove(at: min(index(of: numbers[place]), sorted.count - 1)) }
        numbers[place] = number
        arrived[0] += 1
        sorted.insert(number, at: index(of: number))
    }

    /// Where the first number stands that is not below.
    private func index(of number: Double) -> Int {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The quantile by linear interpolation between the two next numbers; 0 while there are none.
    func quantile(_ share: Double) -> Double {
        guard let last = sorted.indices.last else { return 0 }
        let place = min(max(share, 0), 1) * Double(last)
        let low = min(Int(place), last)
        let high = min(low + 1, last)
        let part = place - Double(low)
        return sorted[low] * (1 - part) + sorted[high] * part
    }

    /// The ceil((n + 1) share)-th smallest number of n, the largest where there is none so large, 0 where there is none so
    /// small: what a next number exceeds with probability 1 - share at most (Vovk, Gammerman and Shafer 2005).
    func conformalQuantile(_ share: Double) -> Double {
        let rank = Int((Double(sorted.count + 1) * min(max(share, 0), 1)).rounded(.up))
        guard rank > 0, let last = sorted.indices.last else { return 0 }
        return sorted[min(rank - 1, last)]
    }
}

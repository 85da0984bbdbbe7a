/// How many features have each count in a class: sums over all features become sums over different counts. Derived from the
/// counts alone, whatever their order.
struct CountLevels {
    /// Different counts above 0, ascending, and the features that have each.
    private(set) var counts: [Double] = []
    private(set) var features: [Int] = []

    init() {}

    init(_ all: [Double]) {
        for count in all.sorted() {
            if counts.last == count {
                features[counts.count - 1] += 1
            } else {
                counts.append(count)
                features.append(1)
            }
        }
    }

    /// Moves a feature from one count to another; 0 = it has none.
    mutating func move(from old: Double, to new: Double) {
        if old > 0 {
            let place = place(old)
            if place < counts.count, counts[place] == old {
                features[place] -= 1
                if features[place] == 0 {
                    counts.remove(at: place)
                    features.remove(at: place)
                }
            }
        }
        guard new > 0 else { return }
        let place = place(new)
        if place < counts.count, counts[place] == new {
            features[place] += 1
        } else {
            counts.insert(new, at: place)
            features.insert(1, at: place)
        }
    }

    /// The first place whose count is at least `count`.
    private func place(_ count: Double) -> Int {
        var (low, high) = (0, counts.count)
        while low < high {
            let middle = (low + high) / 2
            if counts[middle] < count { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

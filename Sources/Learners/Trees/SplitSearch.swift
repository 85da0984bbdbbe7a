import Glibc

/// A way to split a leaf.
struct SplitSuggestion {
    var merit: Double
    /// `TreeNode.Kind.inactive` = do not split.
    var kind: Int32
    var attribute: Int
    var threshold: Double
    var branches: Int
}

/// Looks for the best split of a leaf by each attribute.
///
/// A number is tried at `points` places evenly spread between its least and greatest value, where the class weights on
/// both sides come from the classes' Gaussians (Pfahringer, Holmes and Kirkby 2008); a category by one branch a value and,
/// where it is better, by one value against all others.
final class SplitSearch {
    let criterion: SplitCriterion
    private let points: Int
    private let binaryOnly: Bool
    private let layout: ObserverLayout
    /// Class weights by branch and class.
    private let branches: UnsafeMutablePointer<Double>
    /// By branch: 1 + the greatest class that was put into it.
    private let lengths: UnsafeMutablePointer<Int32>
    private let room: Int

    init(_ layout: ObserverLayout, _ criterion: SplitCriterion, points: Int, binaryOnly: Bool) {
        self.layout = layout
        self.criterion = criterion
        self.points = points
        self.binaryOnly = binaryOnly
        room = max(2, (0..<layout.count).map { layout.columns[$0].values }.max() ?? 2)
        branches = .allocate(capacity: max(room * layout.classes, 1))
        lengths = .allocate(capacity: room)
    }

    deinit {
        branches.deallocate()
        lengths.deallocate()
    }

    /// Whether it was made for this layout.
    func fits(_ layout: ObserverLayout) -> Bool { self.layout === layout }

    /// Suggestions in the order in which the better of equal ones is the later: not to split first, then by attribute.
    func suggestions(
        _ block: UnsafePointer<Double>, _ weights: UnsafePointer<Double>, allowsNone: Bool,
        into found: inout [SplitSuggestion]
    ) {
        found.removeAll(keepingCapacity: true)
        let entropy = criterion == .informationGain ? SplitCriterion.entropy(weights, layout.classes) : 0
        if allowsNone {
            let merit = criterion.merit(before: entropy, weights, 1, classes: layout.classes)
            found.append(
                SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.inactive, attribute: -1, threshold: 0, branches: 0))
        }
        for attribute in 0..<layout.count where block[ObserverLayout.headerCount + attribute] != 0 {
            let isNominal = layout.columns[attribute].values > 0
            let best = isNominal ? nominal(block, attribute, entropy) : numeric(block, attribute, entropy)
            if let best { found.append(best) }
        }
    }

    /// The class weights that a split passes on: valid until the next search.
    ///
    /// - Returns: weights by branch and class, and by branch 1 + the greatest class put into it.
    func distribution(
        _ block: UnsafePointer<Double>, _ split: SplitSuggestion
    ) -> (weights: UnsafePointer<Double>, lengths: UnsafePointer<Int32>) {
        switch split.kind {
        case TreeNode.Kind.multiway: spread(block, split.attribute, split.branches)
        case TreeNode.Kind.equal: separate(block, split.attribute, Int(split.threshold))
        default: divide(block, split.attribute, split.threshold)
        }
        return (UnsafePointer(branches), UnsafePointer(lengths))
    }

    // MARK: Numbers

    private func numeric(
        _ block: UnsafePointer<Double>, _ attribute: Int, _ entropy: Double
    ) -> SplitSuggestion? {
        let cells = block + layout.offset(of: attribute, in: block)
        var least = Double.infinity
        var greatest = -Double.infinity
        for target in 0..<layout.classes where cells[ObserverLayout.cellCount * target] > 0 {
            least = min(least, cells[ObserverLayout.cellCount * target + 3])
            greatest = max(greatest, cells[ObserverLayout.cellCount * target + 4])
        }
        var best: SplitSuggestion?
        var previous = -Double.infinity
        let range = greatest - least
        for point in 0..<points where least < .infinity {
            let value = range / Double(points + 1) * Double(point + 1) + least
            guard value > least, value < greatest, value != previous else { continue }
            previous = value
            estimate(cells, value)
            let merit = criterion.merit(before: entropy, branches, 2, classes: layout.classes)
            if best.map({ merit > $0.merit }) ?? true {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.numeric, attribute: attribute, threshold: value, branches: 2)
            }
        }
        return best
    }

    /// Class weights on both sides of a value.
    @inline(__always)
    private func estimate(_ cells: UnsafePointer<Double>, _ value: Double) {
        let right = branches + layout.classes
        for target in 0..<layout.classes {
            let cell = cells + ObserverLayout.cellCount * target
            let weight = cell[0]
            if weight <= 0 {
                (branches[target], right[target]) = (0, 0)
            } else if value < cell[3] {
                (branches[target], right[target]) = (0, weight)
            } else if value >= cell[4] {
                (branches[target], right[target]) = (weight, 0)
            } else {
                let deviation = ObserverLayout.variance(cell).squareRoot()
                let left =
                    deviation > 0
                    ? NormalDistribution.cumulative((value - cell[1]) / deviation) * weight
                    : value <= cell[1] ? weight : 0
                (branches[target], right[target]) = (left, weight - left)
            }
        }
    }

    /// The same to MOA's last bits, and which classes are there at all.
    private func divide(_ block: UnsafePointer<Double>, _ attribute: Int, _ value: Double) {
        let cells = block + layout.offset(of: attribute, in: block)
        estimate(cells, value)
        (lengths[0], lengths[1]) = (0, 0)
        for target in 0..<layout.classes {
            let cell = cells + ObserverLayout.cellCount * target
            guard cell[0] > 0 else { continue }
            if value >= cell[3] { lengths[0] = Int32(target + 1) }
            if value < cell[4] { lengths[1] = Int32(target + 1) }
            guard value >= cell[3], value < cell[4] else { continue }
            let deviation = ObserverLayout.variance(cell).squareRoot()
            guard deviation > 0 else { continue }
            let distance = value - cell[1]
            let density =
                1 / ((2 * Double.pi).squareRoot() * deviation)
                * exp(-(distance * distance / (2 * deviation * deviation)))
            let equal = min(density, 1e150) * cell[0]
            let less = NormalDistribution.cumulative(distance / deviation) * cell[0] - equal
            branches[target] = max(less + equal, 0)
            branches[layout.classes + target] = max(cell[0] - equal - less, 0)
        }
    }

    // MARK: Categories

    private func nominal(
        _ block: UnsafePointer<Double>, _ attribute: Int, _ entropy: Double
    ) -> SplitSuggestion? {
        let heads = block + layout.columns[attribute].offset
        var values = 0
        for target in 0..<layout.classes { values = max(values, Int(heads[2 * target + 1])) }
        guard values > 0 else { return nil }
        var best: SplitSuggestion?
        if !binaryOnly {
            spread(block, attribute, values)
            let merit = criterion.merit(before: entropy, branches, values, classes: layout.classes)
            best = SplitSuggestion(
                merit: merit, kind: TreeNode.Kind.multiway, attribute: attribute, threshold: 0, branches: values)
        }
        for value in 0..<values {
            separate(block, attribute, value)
            let merit = criterion.merit(before: entropy, branches, 2, classes: layout.classes)
            if best.map({ merit > $0.merit }) ?? true {
                best = SplitSuggestion(
                    merit: merit, kind: TreeNode.Kind.equal, attribute: attribute, threshold: Double(value),
                    branches: 2)
            }
        }
        return best
    }

    private func spread(_ block: UnsafePointer<Double>, _ attribute: Int, _ values: Int) {
        let heads = block + layout.columns[attribute].offset
        branches.update(from: heads + 2 * layout.classes, count: values * layout.classes)
        for value in 0..<values {
            lengths[value] = 0
            for target in 0..<layout.classes where Int(heads[2 * target + 1]) > value {
                lengths[value] = Int32(target + 1)
            }
        }
    }

    private func separate(_ block: UnsafePointer<Double>, _ attribute: Int, _ value: Int) {
        let heads = block + layout.columns[attribute].offset
        let counts = heads + 2 * layout.classes + value * layout.classes
        (lengths[0], lengths[1]) = (0, 0)
        for target in 0..<layout.classes {
            branches[target] = counts[target]
            branches[layout.classes + target] = max(heads[2 * target] - counts[target], 0)
            let values = Int(heads[2 * target + 1])
            if values > value { lengths[0] = Int32(target + 1) }
            if values > (value == 0 ? 1 : 0) { lengths[1] = Int32(target + 1) }
        }
    }
}

/// Grows the tree of the random-tree stream, depth first, drawing in MOA's order.
struct RandomTreeBuilder {
    /// Above this the options describe a tree that would not fit in memory (32 bytes a node); MOA would try.
    private static let largestTree = 4_000_000

    private let options: OptionValues
    private let nominals: Int
    private let values: Int
    private let classes: Int32
    private let depth: Int
    private let firstLeafLevel: Int
    private let leafFraction: Double
    private var random: JavaRandom
    private var tree = DecisionTree()
    /// The part of the unit interval that can still reach the node being grown, for each numeric attribute.
    private var lower: [Double]
    private var upper: [Double]

    init(_ options: OptionValues) {
        self.options = options
        nominals = options.whole("nominals")
        values = options.whole("values")
        classes = Int32(options.whole("classes"))
        depth = options.whole("depth")
        firstLeafLevel = options.whole("first-leaf-level")
        leafFraction = options.real("leaf-fraction")
        random = JavaRandom(seed: options.modelSeed)
        lower = [Double](repeating: 0, count: options.whole("numerics"))
        upper = [Double](repeating: 1, count: options.whole("numerics"))
    }

    mutating func build() throws(GeneratorError) -> DecisionTree {
        _ = try grow(level: 0, unused: Array(0..<nominals))
        return tree
    }

    /// Adds a node and all below it; `unused` are the categorical attributes no ancestor has split on.
    private mutating func grow(level: Int, unused: [Int]) throws(GeneratorError) -> Int32 {
        let index = tree.nodes.count
        guard index < Self.largestTree else {
            throw options.conflict("the tree has more than \(Self.largestTree) nodes; lower depth or values")
        }
        tree.nodes.append(.init(attribute: -1, label: 0, threshold: 0, firstChild: 0))
        if isLeaf(level) {
            tree.nodes[index].label = random.nextInt(classes)
            return Int32(index)
        }
        let candidates = unused.count + lower.count
        guard candidates > 0 else {
            throw options.conflict("no attribute is left to split on at level \(level); lower depth or add attributes")
        }
        let chosen = Int(random.nextInt(Int32(candidates)))
        if chosen < unused.count {
            try splitNominal(index, level, unused, chosen)
        } else {
            try splitNumeric(index, level, unused, chosen - unused.count)
        }
        return Int32(index)
    }

    private mutating func isLeaf(_ level: Int) -> Bool {
        if level >= depth { return true }
        return level >= firstLeafLevel && leafFraction >= 1 - random.nextDouble()
    }

    private mutating func splitNominal(
        _ index: Int, _ level: Int, _ unused: [Int], _ chosen: Int
    ) throws(GeneratorError) {
        let first = begin(index, attribute: unused[chosen], branches: values)
        var rest = unused
        rest.remove(at: chosen)
        for branch in 0..<values {
            tree.children[first + branch] = try grow(level: level + 1, unused: rest)
        }
    }

    private mutating func splitNumeric(
        _ index: Int, _ level: Int, _ unused: [Int], _ numeric: Int
    ) throws(GeneratorError) {
        let first = begin(index, attribute: nominals + numeric, branches: 2)
        let (low, high) = (lower[numeric], upper[numeric])
        let threshold = (high - low) * random.nextDouble() + low
        tree.nodes[index].threshold = threshold
        upper[numeric] = threshold
        tree.children[first] = try grow(level: level + 1, unused: unused)
        upper[numeric] = high
        lower[numeric] = threshold
        tree.children[first + 1] = try grow(level: level + 1, unused: unused)
        lower[numeric] = low
    }

    /// Makes a node a split and reserves its list of children.
    private mutating func begin(_ index: Int, attribute: Int, branches: Int) -> Int {
        let first = tree.children.count
        tree.nodes[index].attribute = Int32(attribute)
        tree.nodes[index].firstChild = Int32(first)
        tree.children.append(contentsOf: repeatElement(0, count: branches))
        return first
    }
}

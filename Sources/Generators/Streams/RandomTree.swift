/// Uniform attributes labelled by a decision tree with random splits and random leaves.
///
/// Source: Domingos and Hulten, "Mining high-speed data streams", KDD 2000; the records are those of MOA's
/// `generators.RandomTreeGenerator`.
struct RandomTree: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "random-tree",
        summary: "labels of a random decision tree (Domingos and Hulten 2000)",
        options: [
            .modelSeed,
            .whole("classes", "number of classes", 2, in: 2...10_000),
            .whole("nominals", "number of categorical attributes", 5, in: 0...10_000),
            .whole("numerics", "number of numeric attributes", 5, in: 0...10_000),
            .whole("values", "number of values of a categorical attribute", 5, in: 2...10_000),
            .whole("depth", "largest depth of the tree, in levels", 5, in: 0...64),
            .whole("first-leaf-level", "first level that can have leaves", 3, in: 0...64),
            .real("leaf-fraction", "fraction of leaves in each level from there on", 0.15, in: 0...1),
        ],
        build: { (seed, options) throws(GeneratorError) in try RandomTree(seed: seed, options: options) })

    let fields: [GeneratedField]
    private let nominals: Int
    private let values: Int32
    private let tree: DecisionTree
    private var random: JavaRandom

    private init(seed: UInt64, options: OptionValues) throws(GeneratorError) {
        nominals = options.whole("nominals")
        values = Int32(options.whole("values"))
        let categories = GeneratedField.names("value", 1...options.whole("values"))
        fields =
            GeneratedField.numbered("nominal", nominals, kind: .categorical(categories))
            + GeneratedField.numbered("numeric", options.whole("numerics"))
            + [.target(classes: options.whole("classes"))]
        var builder = RandomTreeBuilder(options)
        tree = try builder.build()
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        let target = fields.count - 1
        for i in 0..<nominals { record[i] = Double(random.nextInt(values)) }
        for i in nominals..<target { record[i] = random.nextDouble() }
        record[target] = Double(tree.label(record, nominals: nominals))
    }
}

/// A decision tree in flat arrays.
struct DecisionTree: Sendable {
    /// A split, or a leaf when `attribute` is negative.
    struct Node: Sendable {
        var attribute: Int32
        var label: Int32
        var threshold: Double
        /// Where the node's list in `children` begins.
        var firstChild: Int32
    }

    var nodes: [Node] = []
    var children: [Int32] = []

    func label(_ record: UnsafeMutableBufferPointer<Double>, nominals: Int) -> Int32 {
        var node = nodes[0]
        while node.attribute >= 0 {
            let value = record[Int(node.attribute)]
            let branch = node.attribute < nominals ? Int(value) : value < node.threshold ? 0 : 1
            node = nodes[Int(children[Int(node.firstChild) + branch])]
        }
        return node.label
    }
}

import Components
import Engine
import Glibc
import Learners
import Records
import State
import Testing

/// An aggregated Mondrian tree against its definition, from the arrays of its state: the prediction is that of all prunings
/// of the tree, weighted by their prior and exp(-loss) (Mourtada, Gaïffas and Scornet 2021, equations 5 to 7).
@Suite struct MondrianTests {
    static let attributes = [Attribute("a", .numeric), Attribute("b", .numeric)]

    /// The one tree of a forest, read out of its state.
    struct Tree {
        let links: [Int32]
        let numbers: [Double]
        let values: [Double]
        let root: Int
        let outputs: Int

        init(_ learner: any Learner) throws {
            func array<T>(_ name: String) throws -> [T] where T: StateElement {
                let entry = try #require(learner.state.first { $0.name == "tree-0/" + name })
                return try #require(entry.array as? StateArray<T>).elements
            }
            links = try array("links")
            numbers = try array("numbers")
            values = try array("values")
            let registers: [Int64] = try array("registers")
            (root, outputs) = (Int(registers[1]), Int(registers[2]))
        }

        func left(_ node: Int) -> Int { Int(links[4 * node + 1]) }
        func right(_ node: Int) -> Int { Int(links[4 * node + 2]) }
        func number(_ node: Int, _ place: Int) -> Double { numbers[9 * node + place] }

        func next(_ node: Int, _ row: [Double]) -> Int {
            row[Int(links[4 * node + 3])] <= number(node, 1) ? left(node) : right(node)
        }

        func probability(_ node: Int, _ target: Int) -> Double {
            (values[node * outputs + target] + 0.5) / (number(node, 2) + 0.5 * Double(outputs))
        }

        /// All prunings of the subtree: prior times exp(-loss) of each, and what it predicts for the row.
        func prunings(_ node: Int, _ row: [Double]?, _ target: Int) -> [(weight: Double, prediction: Double)] {
            let own = (weight: exp(number(node, 3)), prediction: row.map { _ in probability(node, target) } ?? 0)
            guard left(node) >= 0 else { return [own] }
            let isLeft = row.map { next(node, $0) == left(node) } ?? false
            let lefts = prunings(left(node), isLeft ? row : nil, target)
            let rights = prunings(right(node), isLeft ? nil : row, target)
            // A split and none are as likely beforehand.
            return [(own.weight / 2, own.prediction)]
                + lefts.flatMap { l in rights.map { r in (l.weight * r.weight / 2, l.prediction + r.prediction) } }
        }
    }

    private static func learner(_ task: Task) throws -> any Learner {
        let found = try LearnerRegistry.find("aggregated-mondrian-forest")
        return try found.make(
            Hyperparameters(found.descriptor, given: ["models": "1", "split-pure": "true"]),
            LearnerContext(
                task: task, slotCount: 0, seed: 5, batchMode: .sequential, isFeatureNative: false,
                attributes: attributes))
    }

    private static func batch(_ random: RandomGenerator, _ rows: Int) -> FeatureBatch {
        let batch = FeatureBatch(capacity: rows)
        batch.reserveAttributes(2)
        batch.offsets[0] = 0
        for row in 0..<rows {
            for index in 0..<2 { batch.attributes[2 * row + index] = random.nextUniform() }
            batch.classes[row] = batch.attributes[2 * row] > 0.5 ? 1 : 0
            batch.targets[row] = batch.attributes[2 * row]
            batch.weights[row] = 1
            batch.offsets[row + 1] = 0
        }
        batch.rows = rows
        return batch
    }

    @Test func thePredictionIsThatOfAllPrunings() throws {
        let random = RandomGenerator(seed: 3)
        let learner = try Self.learner(.binary)
        let predictions = PredictionBatch(capacity: 20)
        learner.predictThenLearn(Self.batch(random, 8), into: predictions)
        let tree = try Tree(learner)
        #expect(tree.left(tree.root) >= 0)
        let others = Self.batch(random, 20)
        learner.predict(others, into: predictions)
        for row in 0..<20 {
            let values = [others.attributes[2 * row], others.attributes[2 * row + 1]]
            let all = tree.prunings(tree.root, values, 1)
            let sum = all.reduce(0) { $0 + $1.weight }
            let expected = all.reduce(0) { $0 + $1.weight * $1.prediction } / sum
            #expect(abs(predictions.outputs(of: row)[0] - expected) < 1e-9, "row \(row)")
        }
    }

    /// A node has seen what its children have; its box holds theirs; it is older.
    @Test(arguments: [Task.binary, .regression]) func nodesHoldTheirChildren(_ task: Task) throws {
        let learner = try Self.learner(task)
        let predictions = PredictionBatch(capacity: 300)
        learner.predictThenLearn(Self.batch(RandomGenerator(seed: 4), 300), into: predictions)
        let tree = try Tree(learner)
        #expect(tree.number(tree.root, 2) == 300)
        var open = [tree.root]
        var splits = 0
        while let node = open.popLast() {
            guard tree.left(node) >= 0 else { continue }
            splits += 1
            let children = [tree.left(node), tree.right(node)]
            #expect(children.reduce(0) { $0 + tree.number($1, 2) } == tree.number(node, 2))
            for child in children {
                #expect(tree.number(child, 0) > tree.number(node, 0))
                for index in 0..<2 {
                    #expect(tree.number(child, 5 + 2 * index) >= tree.number(node, 5 + 2 * index))
                    #expect(tree.number(child, 6 + 2 * index) <= tree.number(node, 6 + 2 * index))
                }
            }
            open += children
        }
        #expect(splits > 20)
    }
}

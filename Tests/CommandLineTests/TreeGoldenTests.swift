import Foundation
import Generators
import Testing

/// Accuracies of MOA (the jar in CapyMOA 0.15.1) on the first 20,000 records of its own generators:
/// `EvaluateInterleavedTestThenTrain -l (LEARNER) -s (ArffFileStream -f STREAM.arff) -i 20000 -f 20000`.
struct TreeGoldenTests {
    struct Golden: Sendable, CustomTestStringConvertible {
        let stream: String
        let learner: String
        /// In percent.
        let accuracy: Double
        var within = 0.0001
        var testDescription: String { "\(learner) on \(stream)" }
    }

    static let goldens: [Golden] = [
        Golden(stream: "sea", learner: "naive-bayes", accuracy: 87.925),
        Golden(stream: "agrawal", learner: "naive-bayes", accuracy: 87.79),
        Golden(stream: "led", learner: "naive-bayes", accuracy: 73.435),
        Golden(stream: "random-tree", learner: "naive-bayes", accuracy: 73.17),
        Golden(stream: "random-rbf", learner: "naive-bayes", accuracy: 71.71),
        Golden(stream: "sea", learner: "hoeffding-tree", accuracy: 86.445),
        Golden(stream: "agrawal", learner: "hoeffding-tree", accuracy: 91.47),
        Golden(stream: "led", learner: "hoeffding-tree", accuracy: 73.435),
        Golden(stream: "random-tree", learner: "hoeffding-tree", accuracy: 83.745),
        Golden(stream: "random-rbf", learner: "hoeffding-tree", accuracy: 78.71),
        Golden(stream: "sea", learner: "hoeffding-tree:leaf=mc", accuracy: 79.785),
        Golden(stream: "random-tree", learner: "hoeffding-tree:leaf=mc,remove-poor-attributes=true", accuracy: 79.115),
        Golden(stream: "random-tree", learner: "hoeffding-tree:leaf=nb", accuracy: 83.985),
        Golden(stream: "agrawal", learner: "hoeffding-tree:criterion=gini", accuracy: 92.075),
        Golden(stream: "agrawal", learner: "hoeffding-tree:binary-splits=true", accuracy: 93.825),
        Golden(stream: "random-tree", learner: "hoeffding-tree:binary-splits=true", accuracy: 76.26),
        Golden(stream: "sea", learner: "hoeffding-adaptive-tree", accuracy: 86.875, within: 0.3),
        Golden(stream: "agrawal", learner: "hoeffding-adaptive-tree", accuracy: 93.365, within: 0.3),
        Golden(stream: "random-tree", learner: "hoeffding-adaptive-tree", accuracy: 84.065, within: 0.3),
        Golden(stream: "sea", learner: "extremely-fast-decision-tree", accuracy: 86.48, within: 0.011),
        Golden(stream: "agrawal", learner: "extremely-fast-decision-tree", accuracy: 93.615),
        Golden(stream: "led", learner: "extremely-fast-decision-tree", accuracy: 69.77),
        Golden(stream: "random-tree", learner: "extremely-fast-decision-tree", accuracy: 84.735),
        Golden(stream: "random-rbf", learner: "extremely-fast-decision-tree", accuracy: 77.375, within: 0.1),
        // MOA's meta.OzaBoost -p, which draws nothing.
        Golden(stream: "sea", learner: "online-boosting:resampling=false", accuracy: 87.0, within: 0.1),
        Golden(stream: "random-rbf", learner: "online-boosting:resampling=false", accuracy: 85.655, within: 0.1),
        // MOA's meta.StreamingGradientBoostedTrees -s 10, whose steps look at other attributes.
        Golden(stream: "agrawal", learner: "streaming-gradient-boosted-trees:steps=10", accuracy: 94.445, within: 0.5),
        Golden(
            stream: "random-rbf", learner: "streaming-gradient-boosted-trees:steps=10", accuracy: 89.295, within: 0.5),
    ]

    @Test(arguments: goldens)
    func accuracyIsMOAs(_ golden: Golden) throws {
        let workspace = Workspace()
        try workspace.write("stream.arff", Streams.generate(golden.stream, 20_000, .arff))
        let outcome = try workspace.thalweg(
            "evaluate --input stream.arff --target class --preset moa --learner \(golden.learner) --progress none --json"
        )
        let accuracy = try #require(outcome.report().metrics["accuracy"]) * 100
        #expect(abs(accuracy - golden.accuracy) <= golden.within, "\(accuracy)")
    }
}

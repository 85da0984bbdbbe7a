import Components
import Glibc
import Records
import State
import Testing

@testable import Learners

/// The network against a slow twin in double precision, which knows nothing but the forward pass: gradients are its
/// differences.
@Suite struct PerceptronTests {
    /// Weights of a network, and its loss by nested loops.
    private struct Twin {
        var layers: [[Double]]
        let widths: [Int]
        let isRectified: Bool

        /// Half the sum of squared distances of the outputs from `targets`.
        func loss(_ inputs: [[Double]], _ targets: [Double]) -> Double {
            var sum = 0.0
            for (row, target) in zip(inputs, targets) {
                var flow = row
                for (index, weights) in layers.enumerated() {
                    let width = flow.count + 1
                    let bias = flow + [1]
                    flow = (0..<widths[index]).map { unit in
                        let total = (0..<width).reduce(0.0) { $0 + weights[unit * width + $1] * bias[$1] }
                        if index == layers.count - 1 { return total }
                        return isRectified ? max(0, total) : tanh(total)
                    }
                }
                sum += (flow[0] - target) * (flow[0] - target) / 2
            }
            return sum
        }
    }

    private static func settings(_ fields: [String: String]) throws -> PerceptronSettings {
        try PerceptronSettings(Hyperparameters(Perceptron.learner.descriptor, given: fields), isMean: false)
    }

    @Test(arguments: ["relu", "tanh"]) func gradientsAreDifferences(_ activation: String) throws {
        let network = PerceptronNetwork(
            numbers: 5, categories: 0, outputs: 1, grows: false,
            try Self.settings(["hidden": "7+4", "activation": activation]), seed: 3,
            try MatrixProduct.loaded(for: "test"))
        let random = RandomGenerator(seed: 9)
        let inputs = (0..<6).map { _ in (0..<5).map { _ in random.nextUniform() * 2 - 1 } }
        let targets = inputs.map { $0[0] - $0[3] }
        network.reserve(6)
        for row in 0..<6 { for column in 0..<5 { network.input(row)[column] = Float(inputs[row][column]) } }
        network.forward(6)
        for row in 0..<6 { network.delta(row)[0] = network.output(row)[0] - Float(targets[row]) }
        network.backward(6, from: 0)
        let twin = Twin(
            layers: network.layers.map { $0.weights.elements.map(Double.init) }, widths: [7, 4, 1],
            isRectified: activation == "relu")
        for (index, layer) in network.layers.enumerated() {
            for (place, gradient) in layer.gradients.enumerated() {
                var (above, below) = (twin, twin)
                above.layers[index][place] += 1e-5
                below.layers[index][place] -= 1e-5
                let expected = (above.loss(inputs, targets) - below.loss(inputs, targets)) / 2e-5
                #expect(abs(Double(gradient) - expected) < 2e-4, "\(index) \(place): \(gradient), \(expected)")
            }
        }
    }

    @Test func tangentIsClose() {
        for step in -2000...2000 {
            let x = Float(step) / 200
            #expect(abs(PerceptronNetwork.tangent(x) - tanhf(x)) < 1e-6, "\(x)")
        }
    }

    /// A unit that no longer takes part has moments of 0 in the end, not numbers that slow arithmetic down.
    @Test func momentsComeToNothing() throws {
        let step = AdamStep(try Self.settings([:]), count: 1)
        var (weights, firsts, seconds): ([Float], [Float], [Float]) = ([1, 1, 1], [1, 1e-3, 0], [1, 1e-6, 0])
        let gradients: [Float] = [0, .nan, .infinity]
        for _ in 0..<60_000 { step.take(&weights, &firsts, &seconds, gradients, count: 3) }
        #expect(firsts[0] == 0 && seconds[0] == 0 && firsts[1] == 0 && seconds[1] == 0)
        let areFinite = (weights + firsts + seconds).allSatisfy { $0.isFinite }
        #expect(areFinite)
    }

    /// Frozen layers and embeddings stay to the bit; the others go on.
    @Test func frozenLayersStay() throws {
        let context = LearnerContext(
            task: .binary, slotCount: 0, seed: 1, batchMode: .mean, isFeatureNative: false,
            attributes: LearnerGoldens.attributes)
        let learner = try Perceptron(
            Self.settings(["hidden": "6+4", "frozen-layers": "1", "freeze-after": "64"]), context,
            MatrixProduct.loaded(for: "test"))
        let goldens = try #require(LearnerGoldens.all)
        let all = goldens.batch(try #require(goldens.cases.first { $0.learner == "perceptron" && $0.task == "binary" }))
        let (batch, predictions) = (FeatureBatch(capacity: 32), PredictionBatch(capacity: 32))
        var digests: [[String]] = []
        for start in stride(from: 0, to: 128, by: 32) {
            batch.copyRows(start..<start + 32, of: all)
            learner.predictThenLearn(batch, into: predictions)
            digests.append(
                learner.state.map {
                    Digest.of(UnsafeRawBufferPointer(start: $0.array.bytes, count: $0.array.byteCount))
                })
        }
        for (index, entry) in learner.state.enumerated() where entry.name != "progress" {
            let isFrozen = entry.name.hasPrefix("layer-0") || entry.name == "embeddings"
            #expect(digests[0][index] != digests[1][index], "\(entry.name)")
            #expect((digests[1][index] == digests[3][index]) == isFrozen, "\(entry.name)")
        }
    }

    @Test(arguments: [["hidden": "64+x"], ["hidden": ""], ["hidden": "9000"], ["frozen-layers": "3"]])
    func settingsThatMakeNoSenseAreTold(_ fields: [String: String]) {
        #expect(throws: SettingError.self) { try Self.settings(fields) }
    }
}

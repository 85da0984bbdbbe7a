import Foundation
import Records
import State
import Testing

@testable import Learners

/// The laws of Learner.swift for what is put around one, and that each does what it is for.
@Suite struct WrapperLawTests {
    enum Wrapper: String, CaseIterable {
        case balanced, under, over, random, platt, isotonic, manyPlatt, manyIsotonic, conformal, adaptive
        case quantiles, adaptiveQuantiles

        var isRegression: Bool { [.conformal, .adaptive, .quantiles, .adaptiveQuantiles].contains(self) }
        var classes: Int { isRegression ? 0 : [.manyPlatt, .manyIsotonic].contains(self) ? 3 : 2 }

        func make(_ mode: BatchMode = .sequential) -> any Learner {
            let probe = ProbeLearner(classes: classes)
            func reweighted(_ rule: any LearningWeight) -> any Learner {
                ReweightedLearner(probe, [rule]) { ["a", "b"] }
            }
            func sampled(_ method: ClassSampler.Method) -> any Learner {
                reweighted(ClassSampler(method, shares: [:], rate: 1, seed: 3))
            }
            func calibrated(_ method: CalibrationMethod) -> any Learner {
                CalibratedLearner(probe, method, isBinary: classes == 2, batchMode: mode)
            }
            return switch self {
            case .balanced: reweighted(ClassWeights(.balanced))
            case .under: sampled(.under)
            case .over: sampled(.over)
            case .random: sampled(.random)
            case .platt, .manyPlatt: calibrated(.platt)
            case .isotonic, .manyIsotonic: calibrated(.isotonic)
            case .conformal: IntervalLearner(probe, .conformal, level: 0.8, window: 40, batchMode: mode)
            case .quantiles:
                QuantileLearner(probe, .conformal, levels: [0.2, 0.5, 0.9], first: 1, window: 40, batchMode: mode)
            case .adaptiveQuantiles:
                QuantileLearner(probe, .adaptive, levels: [0.2, 0.5, 0.9], first: 1, window: 40, batchMode: mode)
            case .adaptive: IntervalLearner(probe, .adaptive, level: 0.8, window: 40, batchMode: mode)
            }
        }

        /// Scores that are too sure of themselves, with weights other than 1 here and there.
        func batch(_ random: RandomGenerator, _ rows: Int) -> FeatureBatch {
            let scores = (0..<rows).map { _ in random.nextUniform() }
            let batch = Probe.batch(
                scores, targets: scores.map { $0 + random.nextUniform() - 0.5 },
                classes: scores.map { score in
                    if random.nextUniform() < 0.1 + 0.3 * score { return 1 }
                    return classes > 2 ? Int(random.next() % 2) * 2 : 0
                })
            for row in 0..<rows where random.next() % 7 == 0 { batch.weights[row] = 2.5 }
            return batch
        }
    }

    private static func outputs(_ predictions: PredictionBatch, _ rows: Int) -> [Double] {
        (0..<rows).flatMap { row in (0..<predictions.width).map { predictions.outputs(of: row)[$0] } }
    }

    @Test(arguments: Wrapper.allCases) func batchesChangeNothing(_ wrapper: Wrapper) {
        let batch = wrapper.batch(RandomGenerator(seed: 5), 300)
        let whole = wrapper.make()
        let predictions = PredictionBatch(capacity: 300)
        whole.predictThenLearn(batch, into: predictions)
        let expected = Self.outputs(predictions, 300)
        for size in [1, 7, 100] {
            let learner = wrapper.make()
            let slice = FeatureBatch(capacity: size)
            var outputs: [Double] = []
            for start in stride(from: 0, to: 300, by: size) {
                let end = min(start + size, 300)
                slice.copyRows(start..<end, of: batch)
                learner.predictThenLearn(slice, into: predictions)
                outputs += Self.outputs(predictions, end - start)
            }
            #expect(outputs == expected, "batch size \(size)")
            #expect(learner.digest == whole.digest, "batch size \(size)")
        }
    }

    @Test(arguments: Wrapper.allCases) func predictionIsPure(_ wrapper: Wrapper) {
        let random = RandomGenerator(seed: 6)
        let learner = wrapper.make()
        let predictions = PredictionBatch(capacity: 200)
        learner.predictThenLearn(wrapper.batch(random, 200), into: predictions)
        let digest = learner.digest
        let one = wrapper.batch(random, 1)
        learner.predict(one, into: predictions)
        let expected = Self.outputs(predictions, 1)
        #expect(learner.digest == digest)
        learner.predictThenLearn(one, into: predictions)
        #expect(Self.outputs(predictions, 1) == expected)
        #expect(learner.digest != digest)
    }

    @Test(arguments: Wrapper.allCases) func whatIsNotLearnedChangesNothing(_ wrapper: Wrapper) {
        let random = RandomGenerator(seed: 7)
        let learner = wrapper.make()
        let predictions = PredictionBatch(capacity: 100)
        learner.predictThenLearn(wrapper.batch(random, 100), into: predictions)
        // The probe counts what it is asked to learn; weights are left alone.
        let before = StateSummary(learner.state.filter { $0.name != "learned" }).digest
        let batch = wrapper.batch(random, 60)
        for row in 0..<60 {
            if row % 2 == 0 { batch.weights[row] = [0, -1, .nan, .infinity][row / 2 % 4] }
            batch.classes[row] = row % 2 == 0 ? batch.classes[row] : -1
            batch.targets[row] = row % 2 == 0 ? batch.targets[row] : .nan
        }
        let weights = (0..<60).map { batch.weights[$0].bitPattern }
        learner.predictThenLearn(batch, into: predictions)
        #expect(StateSummary(learner.state.filter { $0.name != "learned" }).digest == before)
        #expect((0..<60).map { batch.weights[$0].bitPattern } == weights)
    }

    @Test(arguments: Wrapper.allCases) func finiteWhateverComes(_ wrapper: Wrapper) {
        let random = RandomGenerator(seed: 8)
        let learner = wrapper.make()
        let predictions = PredictionBatch(capacity: 200)
        for _ in 0..<5 {
            let batch = wrapper.batch(random, 200)
            for row in 0..<200 {
                if wrapper.isRegression {
                    let most = Double.greatestFiniteMagnitude
                    if random.next() % 3 == 0 { batch.targets[row] = [most, -most, 0, 1e-300][row % 4] }
                    if random.next() % 3 == 0 { batch.attributes[row] = [most, -most, 0, 1e-300][row / 4 % 4] }
                } else if random.next() % 3 == 0 {
                    batch.attributes[row] = [0, 1, 1e-300, 0.5][row % 4]
                }
                if random.next() % 8 == 0 { batch.weights[row] = [3e38, 1e-30][row % 2] }
            }
            learner.predictThenLearn(batch, into: predictions)
            let areFinite = Self.outputs(predictions, 200).allSatisfy { $0.isFinite }
            #expect(areFinite && (0..<200).allSatisfy { predictions.losses[$0].isFinite })
        }
        for entry in learner.state {
            guard let array = entry.array as? StateArray<Double> else { continue }
            let areFinite = array.elements.allSatisfy { $0.isFinite }
            #expect(areFinite, "\(entry.name)")
        }
    }

    @Test(arguments: Wrapper.allCases) func copiesGoOnAlike(_ wrapper: Wrapper) {
        let random = RandomGenerator(seed: 9)
        let learner = wrapper.make()
        let twin = wrapper.make()
        let replica = Replica(of: learner, twin: twin)
        let predictions = PredictionBatch(capacity: 100)
        for round in 0..<4 {
            if round == 2, wrapper.classes == 3 { learner.grow(toClasses: 5) }
            learner.predictThenLearn(wrapper.batch(random, 100), into: predictions)
            Replica.note(learner, on: [replica])
            replica.update()
            if learner.classCount > twin.classCount { twin.grow(toClasses: learner.classCount) }
            #expect(twin.digest == learner.digest, "round \(round)")
        }
        let batch = wrapper.batch(random, 100)
        let others = PredictionBatch(capacity: 100)
        learner.predictThenLearn(batch, into: predictions)
        twin.predictThenLearn(batch, into: others)
        #expect(Self.outputs(predictions, 100) == Self.outputs(others, 100))
        #expect(twin.digest == learner.digest)
    }

    @Test(arguments: [Wrapper.platt, .isotonic, .manyPlatt, .manyIsotonic])
    func probabilitiesComeTrue(_ wrapper: Wrapper) throws {
        let random = RandomGenerator(seed: 10)
        let learner = try #require(wrapper.make() as? CalibratedLearner)
        let predictions = PredictionBatch(capacity: 500)
        for _ in 0..<8 { learner.predictThenLearn(wrapper.batch(random, 500), into: predictions) }
        let values = Dictionary(uniqueKeysWithValues: learner.reliability.map { ($0.name, $0.value ?? .nan) })
        #expect((values["ece"] ?? 1) < (values["uncalibrated_ece"] ?? 0) / 2, "\(values)")
        #expect((values["log_loss"] ?? 1) < (values["uncalibrated_log_loss"] ?? 0), "\(values)")
        for row in 0..<500 where wrapper.classes > 2 {
            let sum = (0..<3).reduce(0) { $0 + predictions.outputs(of: row)[$1] }
            #expect(abs(sum - 1) < 1e-9)
        }
    }

    /// In mean mode all rows of a batch meet what was known before it.
    @Test(arguments: [Wrapper.platt, .manyIsotonic, .conformal, .adaptive])
    func meanLooksAtBatches(_ wrapper: Wrapper) {
        let random = RandomGenerator(seed: 11)
        let learner = wrapper.make(.mean)
        let predictions = PredictionBatch(capacity: 100)
        let asked = PredictionBatch(capacity: 100)
        for _ in 0..<3 {
            let batch = wrapper.batch(random, 100)
            learner.predict(batch, into: asked)
            let digest = learner.digest
            learner.predictThenLearn(batch, into: predictions)
            #expect(Self.outputs(asked, 100) == Self.outputs(predictions, 100))
            #expect(learner.digest != digest)
        }
    }

    /// The window of errors against sorting them anew each time.
    @Test func residualWindowAgainstSorting() {
        let random = RandomGenerator(seed: 12)
        let window = ResidualWindow(capacity: 23)
        var all: [Double] = []
        for _ in 0..<200 {
            all.append(Double(random.next() % 40) / 8)
            window.add(all[all.count - 1])
            let sorted = all.suffix(23).sorted()
            let share = random.nextUniform()
            let place = share * Double(sorted.count - 1)
            let low = Int(place)
            let high = min(low + 1, sorted.count - 1)
            #expect(
                abs(window.quantile(share) - (sorted[low] + (sorted[high] - sorted[low]) * (place - Double(low))))
                    < 1e-12)
            let rank = Int((Double(sorted.count + 1) * share).rounded(.up))
            #expect(window.conformalQuantile(share) == (rank < 1 ? 0 : sorted[min(rank, sorted.count) - 1]))
        }
    }

    /// The share of misses comes to 1 - level though errors grow all the time, where a window alone lags behind.
    @Test func adaptiveIntervalsKeepTheirLevel() {
        let random = RandomGenerator(seed: 13)
        var misses = [0, 0]
        let learners: [any Learner] = [IntervalMethod.adaptive, .conformal].map {
            IntervalLearner(ProbeLearner(classes: 0), $0, level: 0.8, window: 500, batchMode: .sequential)
        }
        let predictions = PredictionBatch(capacity: 1)
        for record in 0..<6000 {
            let size = 1 + Double(record) / 50
            let batch = Probe.batch([0], targets: [(random.nextUniform() - 0.5) * size])
            for (index, learner) in learners.enumerated() {
                learner.predictThenLearn(batch, into: predictions)
                let (low, high) = (predictions.outputs(of: 0)[1], predictions.outputs(of: 0)[2])
                if batch.targets[0] < low || batch.targets[0] > high { misses[index] += 1 }
            }
        }
        let shares = misses.map { Double($0) / 6000 }
        #expect(abs(shares[0] - 0.2) < 0.01, "\(shares)")
        #expect(shares[1] > 0.22, "\(shares)")
    }
}

import Components
import Foundation
import Records
import State
import Testing

@testable import Learners

/// Forecasters beside River's, and on series whose future is known.
@Suite struct ForecastTests {
    struct Golden: Decodable, Sendable, CustomTestStringConvertible {
        let learner: String
        let fields: [String: String]
        /// Per record `horizon` forecasts; nil: none was made.
        let forecasts: [[Double]?]
        var testDescription: String { "\(learner) \(fields)" }
    }

    struct Goldens: Decodable, Sendable {
        var series: [Double] = []
        var horizon = 0
        var cases: [Golden] = []
    }

    /// River 0.26.1, scripts/make_forecast_goldens.py.
    static let goldens: Goldens = {
        guard let url = Bundle.module.url(forResource: "Fixtures/forecasts", withExtension: "json"),
            let data = try? Data(contentsOf: url), let goldens = try? JSONDecoder().decode(Goldens.self, from: data)
        else { return Goldens() }
        return goldens
    }()

    static func make(_ name: String, _ fields: [String: String], attributes: [Attribute] = []) throws -> any Learner {
        let found = name == "snarimax" ? SNARIMAX.learner : HoltWinters.learner
        return try found.make(
            try Hyperparameters(found.descriptor, given: fields),
            LearnerContext(
                task: .regression, slotCount: 0, seed: 1, batchMode: .sequential, isFeatureNative: false,
                attributes: attributes))
    }

    /// The forecasts made before each record.
    static func run(_ learner: any Learner, _ series: [Double], attribute: [Double]? = nil) -> [[Double]] {
        let batch = FeatureBatch(capacity: series.count)
        if attribute != nil { batch.reserveAttributes(1) }
        for (row, target) in series.enumerated() {
            batch.targets[row] = target
            batch.weights[row] = 1
            batch.classes[row] = -1
            if let attribute { batch.attributes[row] = attribute[row] }
        }
        batch.rows = series.count
        let predictions = PredictionBatch(capacity: series.count)
        predictions.rows = series.count
        learner.predictThenLearn(batch, into: predictions)
        return (0..<series.count).map { row in
            (0..<((learner as? any Forecaster)?.horizon ?? 1)).map { predictions.outputs(of: row)[$0] }
        }
    }

    @Test func goldensAreThere() { #expect(Self.goldens.cases.count == 6 && Self.goldens.series.count == 144) }

    @Test(arguments: goldens.cases) func equalsRiver(_ golden: Golden) throws {
        let learner = try Self.make(
            golden.learner, golden.fields.merging(["horizon": String(Self.goldens.horizon)]) { $1 })
        let found = Self.run(learner, Self.goldens.series)
        var compared = 0
        for (row, expected) in golden.forecasts.enumerated() {
            guard let expected else { continue }
            for (step, value) in expected.enumerated() {
                #expect(abs(found[row][step] - value) <= 1e-7 * max(1, abs(value)), "row \(row), step \(step)")
                compared += 1
            }
        }
        #expect(compared == 3 * 84)
    }

    @Test func leastSquaresFindsTheRecurrence() throws {
        // y_t = 1.6 y_{t-1} - .95 y_{t-2} + 3 + 2 x_t, all but exact from the inputs.
        let random = RandomGenerator(seed: 5)
        // Before the beginning was nothing, which is what lags that are not there count as.
        var series = [0.0, 0]
        let field = (0..<400).map { _ in random.nextUniform() * 10 - 5 }
        for row in 0..<400 { series.append(1.6 * series[row + 1] - 0.95 * series[row] + 3 + 2 * field[row]) }
        series.removeFirst(2)
        let learner = try Self.make("snarimax", ["p": "2", "horizon": "1"], attributes: [Attribute("x", .numeric)])
        let found = Self.run(learner, series, attribute: field)
        for row in 300..<400 {
            #expect(abs(found[row][0] - series[row]) < 1e-5 * max(1, abs(series[row])), "row \(row)")
        }
    }

    @Test func differencesAreUndone() throws {
        // Two seasons on a parabola: (1 - B)^2 (1 - B^4) leaves nothing of it.
        let season = [5.0, -2, 7, 1]
        let series = (0..<120).map { 0.5 * Double($0 * $0) + season[$0 % 4] }
        let learner = try Self.make("snarimax", ["p": "1", "d": "2", "sd": "1", "m": "4", "horizon": "6"])
        let found = Self.run(learner, series)
        for row in 60..<110 {
            for step in 0..<6 { #expect(abs(found[row][step] - series[row + step]) < 1e-6, "row \(row), step \(step)") }
        }
    }

    @Test func additiveSeasonsAreFound() throws {
        let season = [5.0, -2, 7, 1, -11]
        let series = (0..<400).map { 100 + 0.25 * Double($0) + season[$0 % 5] }
        let learner = try Self.make("holt-winters", ["seasonality": "5", "horizon": "7", "beta": "0.1"])
        let found = Self.run(learner, series)
        for row in 300..<390 {
            for step in 0..<7 { #expect(abs(found[row][step] - series[row + step]) < 1e-3, "row \(row), step \(step)") }
        }
    }

    @Test(arguments: ["holt-winters", "snarimax"]) func staysWithinWhatWasSeen(_ name: String) throws {
        let random = RandomGenerator(seed: 9)
        let fields =
            name == "snarimax" ? ["p": "5", "q": "2", "d": "1"] : ["seasonality": "3", "multiplicative": "true"]
        let learner = try Self.make(name, fields.merging(["horizon": "50"]) { $1 })
        let wild = [1e308, -1e308, 0, 1e-300, 5, -5, 1e100]
        let found = Self.run(learner, (0..<500).map { _ in wild[Int(random.next() % 7)] })
        let areFinite = found.allSatisfy { $0.allSatisfy(\.isFinite) }
        #expect(areFinite)
        for entry in learner.state {
            if let array = entry.array as? StateArray<Double> {
                let areFinite = array.elements.allSatisfy(\.isFinite)
                #expect(areFinite, "\(entry.name)")
            }
        }
    }
}

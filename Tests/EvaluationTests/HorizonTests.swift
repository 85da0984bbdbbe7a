import State
import Testing

@testable import Evaluation

/// Errors by horizon beside a twin that keeps every forecast.
@Suite struct HorizonTests {
    @Test(arguments: [2, 3, 7]) func eachForecastMeetsItsRecord(_ horizon: Int) {
        let random = RandomGenerator(seed: UInt64(horizon))
        let metrics = HorizonMetrics(horizon: horizon)
        var forecasts: [[Double]] = []
        var targets: [Double] = []
        for _ in 0..<50 {
            let outputs = (0..<horizon).map { _ in random.nextUniform() }
            let target = random.nextUniform()
            metrics.update(target: target, outputs: outputs)
            forecasts.append(outputs)
            targets.append(target)
        }
        for ahead in 0..<horizon {
            let errors = (ahead..<50).map { abs(forecasts[$0 - ahead][ahead] - targets[$0]) }
            let values = metrics.all[ahead]
            #expect(values[0].value == Double(ahead + 1))
            #expect(abs(values[1].value - errors.reduce(0, +) / Double(errors.count)) < 1e-12)
            let squares = errors.reduce(0) { $0 + $1 * $1 }
            #expect(abs(values[2].value - (squares / Double(errors.count)).squareRoot()) < 1e-12)
            // The record whose forecast it is knew the target before it.
            let changes = (ahead..<50).map { $0 - ahead > 0 ? abs(targets[$0 - ahead - 1] - targets[$0]) : 0 }
            #expect(abs(values[3].value - changes.reduce(0, +) / Double(errors.count)) < 1e-12)
        }
    }
}

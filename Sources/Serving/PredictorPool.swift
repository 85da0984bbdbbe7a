import Engine
import Synchronization

/// Predictors for as many requests as run at the same time, each used by one of them.
final class PredictorPool: Sendable {
    /// A pool hands each predictor to one holder at a time.
    private struct Idle: @unchecked Sendable { var predictors: [Predictor] = [] }

    private static let maximumIdle = 16
    private let model: LiveModel
    private let idle = Mutex(Idle())

    init(_ model: LiveModel) { self.model = model }

    /// Lends a predictor for a short while.
    ///
    /// - Throws: when no version is published yet.
    func use<R>(_ body: (Predictor) throws -> R) throws -> R {
        let predictor = try take()
        defer {
            idle.withLock { if $0.predictors.count < Self.maximumIdle { $0.predictors.append(predictor) } }
        }
        return try body(predictor)
    }

    private func take() throws(Failure) -> sending Predictor {
        nonisolated(unsafe) var found: Predictor?
        idle.withLock { found = $0.predictors.popLast() }
        if let predictor = found, predictor.isCurrent { return predictor }
        guard let made = Predictor(model) else { throw .unavailable("there is no model yet: no record was learned") }
        return made
    }
}

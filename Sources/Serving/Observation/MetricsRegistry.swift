import Engine
import Synchronization

/// Counts of the service itself.
final class MetricsRegistry: Sendable {
    struct Route: Hashable {
        let path: String
        let code: Int
    }

    struct Counts {
        var requests: [Route: Int] = [:]
        /// From the request's head to the answer's, all routes.
        var requestSeconds = DurationHistogram()
        /// For requests that predict.
        var predictSeconds = DurationHistogram()
        var predictions = 0
        /// Records that a request brought and nobody could read.
        var refused = 0
        var accepted = 0
        /// Predicted records that could not be kept until their target comes.
        var unkept = 0
    }

    private let counts = Mutex(Counts())

    var current: Counts { counts.withLock { $0 } }

    func count(_ path: String, _ code: Int, _ seconds: Double) {
        counts.withLock {
            $0.requests[Route(path: path, code: code), default: 0] += 1
            $0.requestSeconds.add(seconds)
        }
    }

    func countPredictions(_ records: Int, _ seconds: Double) {
        counts.withLock {
            $0.predictions += records
            $0.predictSeconds.add(seconds)
        }
    }

    func countRefused(_ records: Int) { counts.withLock { $0.refused += records } }

    func countUnkept(_ records: Int) { counts.withLock { $0.unkept += records } }

    func countAccepted(_ records: Int) { counts.withLock { $0.accepted += records } }
}

import Engine
import Hummingbird
import JSON

extension ServiceState {
    func addHealthRoutes(to table: RouteTable) {
        table.get("/healthz", role: nil) { _, _ in .json(.object([("status", "ok")])) }
        table.get("/readyz", role: nil) { [self] _, _ in readiness }
        table.get("/v2/health/live", role: nil) { _, _ in .json(.object([("live", true)])) }
        table.get("/v2/health/ready", role: nil) { [self] _, _ in readiness }
        // MLflow's names.
        table.get("/ping", role: nil) { [self] _, _ in readiness }
        table.get("/health", role: nil) { [self] _, _ in readiness }
        table.get("/version", role: nil) { _, _ in .json(.object([("version", .string(engineVersion))])) }
    }

    private var readiness: Response {
        if let reason = unreadiness {
            return .json(
                .object([("ready", false), ("reason", .string(reason))]), status: .serviceUnavailable)
        }
        return .json(.object([("ready", true), ("version", JSONValue(live.info?.version ?? 0))]))
    }
}

import Engine
import HTTPTypes
import Hummingbird
import JSON

extension ServiceState {
    /// What changes how the process runs, not what the model knows; for the role admin.
    func addAdminRoutes(to table: RouteTable) {
        guard options.hasAdmin else { return }
        table.post("/admin/snapshot", role: .admin) { [self] _, _ in
            try checkAdmin()
            return try await takeSnapshot()
        }
        table.get("/admin/snapshots", role: .admin) { [self] _, _ in
            let entries = try catalog().entries.map(Self.description)
            return .json(.object([("snapshots", .array(entries))]))
        }
        table.get("/admin/snapshots/:snapshot", role: .admin) { [self] _, context in
            guard let name = context.parameters.get("snapshot"), let entry = try catalog().entry(named: name) else {
                throw Failure(.notFound, "there is no such snapshot; GET /admin/snapshots lists them")
            }
            return .json(Self.description(of: entry))
        }
    }

    /// Without tokens anybody who reaches the service is an administrator.
    private func checkAdmin() throws(Failure) {
        guard options.tokens.isEmpty, !options.isLoopback else { return }
        throw Failure(.forbidden, "without tokens this is for services on loopback: give --auth-token-file")
    }

    private func catalog() throws(Failure) -> SnapshotCatalog {
        try checkAdmin()
        guard let catalog = live.snapshots else { throw Self.noSnapshots }
        return catalog
    }

    private static var noSnapshots: Failure {
        Failure(.conflict, "this run keeps no snapshots: start it with --snapshots DIRECTORY")
    }

    private func takeSnapshot() async throws -> Response {
        guard live.snapshots != nil else { throw Self.noSnapshots }
        guard live.info != nil else { throw Failure.unavailable("there is no model yet: no record was learned") }
        let taken: TakenSnapshot
        do throws(EngineError) { taken = try await live.takeSnapshot() } catch {
            throw Failure.unavailable(error.description)
        }
        return .json(
            .object([
                ("snapshot", .string(taken.name)), ("records", JSONValue(taken.records)),
                ("version", JSONValue(taken.version)), ("bytes", JSONValue(taken.bytes)),
            ]))
    }

    private static func description(of entry: SnapshotCatalog.Entry) -> JSONValue {
        .object([
            ("name", .string(entry.name)), ("records", JSONValue(entry.records)), ("version", JSONValue(entry.version)),
            ("bytes", JSONValue(entry.bytes)), ("time", .number(entry.time)),
            ("positions", .object(entry.positions.map { ($0.part, JSONValue($0.offset)) })),
        ])
    }
}

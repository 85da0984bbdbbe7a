import HTTPTypes
import Hummingbird

/// Adds routes with the role they ask for, and an answer for the methods they do not have.
final class RouteTable {
    typealias Handler = @Sendable (Request, ServingContext) async throws -> Response

    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete]
    let state: ServiceState
    private let router = Router(context: ServingContext.self, options: [.autoGenerateHeadEndpoints])
    private var known: [String: [HTTPRequest.Method]] = [:]

    init(_ state: ServiceState) { self.state = state }

    /// - Parameter role: who may; nil = anybody.
    func on(_ path: String, _ method: HTTPRequest.Method, role: Role?, use handler: @escaping Handler) {
        let state = state
        known[path, default: []].append(method)
        router.on(RouterPath(path), method: method) { request, context in
            try state.authorize(request.head, role)
            return try await handler(request, context)
        }
    }

    func get(_ path: String, role: Role? = .read, use handler: @escaping Handler) {
        on(path, .get, role: role, use: handler)
    }

    func post(_ path: String, role: Role? = .read, use handler: @escaping Handler) {
        on(path, .post, role: role, use: handler)
    }

    func finish() -> RouterResponder<ServingContext> {
        for (path, methods) in known {
            let allowed = methods.map(\.rawValue).sorted().joined(separator: ", ")
            for method in Self.methods where !methods.contains(method) && !(method == .head && methods.contains(.get)) {
                router.on(RouterPath(path), method: method) { _, _ -> Response in
                    var failure = Failure(.methodNotAllowed, "this path takes \(allowed)")
                    failure.headers[.allow] = allowed
                    throw failure
                }
            }
        }
        return router.buildResponder()
    }
}

extension ServiceState {
    /// Everything the service answers.
    func routes() -> RouterResponder<ServingContext> {
        let table = RouteTable(self)
        addHealthRoutes(to: table)
        addModelRoutes(to: table)
        addPredictRoutes(to: table)
        addLearnRoutes(to: table)
        addOpenInferenceRoutes(to: table)
        addScoringRoutes(to: table)
        addExplainRoutes(to: table)
        addMetricsRoutes(to: table)
        addEventRoutes(to: table)
        addAdminRoutes(to: table)
        addDescriptionRoutes(to: table)
        addDashboardRoutes(to: table)
        return table.finish()
    }
}

import HTTPTypes
import Hummingbird

/// The first to see a request and the last to see its answer: checks who sent it, counts it, gives every error its form.
struct Front: HTTPResponder {
    /// Nothing but the dashboard is a page.
    static let contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'"
    let state: ServiceState
    let routes: RouterResponder<ServingContext>

    func respond(to request: Request, context: ServingContext) async throws -> Response {
        let start = monotonicNanoseconds()
        var response: Response
        do {
            try state.checkOrigin(request.head)
            response = try await routes.respond(to: request, context: context)
        } catch let failure as Failure { response = failure.response }
        if response.status.code >= 400, response.body.contentLength == 0 {
            response = Failure(response.status, Self.message(response.status, request)).response
        }
        response.headers[.xContentTypeOptions] = "nosniff"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = Self.contentSecurityPolicy
        }
        state.registry.count(context.endpointPath ?? "other", response.status.code, seconds(since: start))
        return response
    }

    private static func message(_ status: HTTPResponse.Status, _ request: Request) -> String {
        status == .notFound ? "there is nothing at this path" : status.reasonPhrase
    }
}

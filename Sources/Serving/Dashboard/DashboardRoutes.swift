import HTTPTypes
import Hummingbird

extension ServiceState {
    /// The page for people at `GET /` and its files.
    func addDashboardRoutes(to table: RouteTable) {
        guard options.hasDashboard else { return }
        for path in DashboardAssets.paths {
            guard let asset = DashboardAssets.asset(at: path) else { continue }
            // Whoever has no token gets the page, which asks for one, and nothing else.
            table.get(path, role: nil) { _, _ in
                var response = Response.body(asset.bytes, type: asset.contentType)
                response.headers[.contentSecurityPolicy] = DashboardAssets.contentSecurityPolicy
                response.headers[.cacheControl] = "no-cache"
                return response
            }
        }
    }
}

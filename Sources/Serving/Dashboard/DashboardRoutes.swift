/// The page for people at `GET /` and its files.
enum DashboardRoutes {
    static func add(to table: RouteTable) {}
}

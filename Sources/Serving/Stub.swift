extension ServiceState {
    func addOpenInferenceRoutes(to table: RouteTable) {}
    func addScoringRoutes(to table: RouteTable) {}
    func addDescriptionRoutes(to table: RouteTable) {}
}

extension ServiceState {
    func addDescriptionRoutes(to table: RouteTable) {
        let document = OpenAPIDocument(options).json
        table.get("/openapi.json") { _, _ in .json(document) }
    }
}

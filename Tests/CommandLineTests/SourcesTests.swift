import Testing

/// Several inputs with names, units and formats of their own feed one schema.
struct SourcesTests {
    private struct Sale {
        let price: Double
        let shop: String
        let isReturned: Bool
    }

    private static let sales: [Sale] = (0..<900).map { index in
        let price = Double(index * 7919 % 4000) / 8
        return Sale(price: price, shop: "s\(index * 31 % 7)", isReturned: price < 150 && index % 3 != 0)
    }

    private static func canonical(_ sales: some Sequence<Sale>) -> String {
        "price,shop,returned\n" + sales.map { "\($0.price),\($0.shop),\($0.isReturned ? 1 : 0)\n" }.joined()
    }

    /// Half prices with a decimal comma under German names.
    private static func german(_ sales: some Sequence<Sale>) -> String {
        sales.map { sale in
            let half = "\(sale.price / 2)".replacing(".", with: ",")
            return #"{"laden":"\#(sale.shop)","halber preis":"\#(half)","zurueck":\#(sale.isReturned ? 1 : 0)}"# + "\n"
        }.joined()
    }

    private static let configuration = """
        schema: {target: returned}
        sources:
          - input: one.csv
          - input: [two.jsonl]
            format: jsonl
            fields:
              price: {from: halber preis, factor: 2, decimal: comma}
              shop: laden
              returned: zurueck

        """

    private static func workspace() throws -> Workspace {
        let workspace = Workspace()
        try workspace.write("all.csv", canonical(sales))
        try workspace.write("one.csv", canonical(sales.prefix(400)))
        try workspace.write("two.jsonl", german(sales.dropFirst(400)))
        try workspace.write("sources.yaml", configuration)
        return workspace
    }

    @Test func theyTeachTheSameAsOneInput() throws {
        let workspace = try Self.workspace()
        let one = try workspace.thalweg("evaluate --input all.csv --target returned --progress none --json").report()
        let outcome = try workspace.thalweg("evaluate -c sources.yaml --progress none --json")
        let several = try outcome.report()
        #expect(several.records == 900 && several.rejected == 0, "\(outcome.stderr)")
        #expect(several.digest == one.digest)
        let parts = try workspace.thalweg("evaluate -c sources.yaml --progress none --json --batch-size 7").report()
        #expect(parts.digest == one.digest)
    }

    @Test func aRunGoesOnInTheSecondOne() throws {
        let workspace = try Self.workspace()
        let whole = try workspace.thalweg("run -c sources.yaml --snapshots whole -p none --progress none --json")
            .report()
        let all = workspace.text("two.jsonl")
        let lines = all.split(separator: "\n")
        try workspace.write("two.jsonl", lines.prefix(123).joined(separator: "\n") + "\n")
        _ = try workspace.thalweg("run -c sources.yaml --snapshots parts -p none --progress none --json")
        try workspace.write("two.jsonl", all)
        let resumed = try workspace.thalweg("run -c sources.yaml --snapshots parts -p none --progress none --json")
        #expect(try resumed.report().digest == whole.digest, "\(resumed.stderr)")
    }

    @Test func profileReadsThemAsOne() throws {
        let workspace = try Self.workspace()
        let json = try workspace.thalweg("profile -c sources.yaml --json").report().json
        let fields = try #require(json["fields"] as? [[String: Any]])
        #expect(json["records"] as? Int == 900)
        #expect(fields.map { $0["name"] as? String } == ["price", "shop", "returned"])
        #expect(fields[0]["max"] as? Double == Self.sales.map(\.price).max())
    }

    @Test(arguments: [
        ("{from: x, unit: celcius, to: kelvin}", "did you mean 'celsius'"),
        ("{from: x, unit: km, to: kg}", "'km' is a unit of length, 'kg' one of mass"),
        ("{from: x, unit: km}", "a unit needs both"), ("{form: x}", "did you mean 'from'"),
        ("{from: x, factor: 0}", "a factor of 0"), ("{from: x, decimal: komma}", "it takes point or comma"),
    ])
    func whatIsWrongIsSaid(_ field: String, _ message: String) throws {
        let workspace = try Self.workspace()
        try workspace.write("wrong.yaml", "sources:\n  - input: one.csv\n    fields:\n      price: \(field)\n")
        let outcome = try workspace.thalweg("evaluate -c wrong.yaml --target returned --progress none")
        #expect(outcome.status == 2)
        #expect(outcome.stderr.contains(message), "\(outcome.stderr)")
    }
}

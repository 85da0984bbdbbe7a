import Foundation

/// SEA as two streams: records with an id and no target, and targets by id, some of them far behind, out of order.
struct DelayedStream {
    let records: [String]
    let targets: [(id: Int, target: String)]

    init(_ count: Int) throws {
        var numbers = SeededNumbers(11)
        var records: [String] = []
        var targets: [(place: Double, id: Int, target: String)] = []
        for (id, line) in try Streams.lines("sea", count).enumerated() {
            let object = try JSONObject.parse(line)
            let target = object["class"] as? String ?? ""
            let fields = object.keys.filter { $0 != "class" }.sorted().map { "\"\($0)\":\(object[$0] ?? "null")" }
            records.append("{\"id\":\"r\(id)\"," + fields.joined(separator: ",") + "}")
            targets.append((Double(id) + Double.random(in: 0...60, using: &numbers), id, target))
        }
        self.records = records
        self.targets = targets.sorted { $0.place < $1.place }.map { ($0.id, $0.target) }
    }

    func write(to workspace: Workspace) throws {
        try workspace.write("records.jsonl", records.joined(separator: "\n") + "\n")
        let lines = targets.map { "r\($0.id),\($0.target)\n" }
        try workspace.write("targets.csv", "id,class\n" + lines.joined())
    }
}

import Foundation
import Testing

/// Groups of records without targets.
struct ClusterTests {
    /// Three clouds far apart, in turn at random.
    private static func stream(_ records: Int) -> (text: String, clouds: [Int]) {
        var numbers = SeededNumbers(29)
        var text = "a,b\n"
        var clouds: [Int] = []
        for _ in 0..<records {
            let cloud = Int.random(in: 0..<3, using: &numbers)
            let centre = [(0.0, 0.0), (10, 0), (0, 10)][cloud]
            clouds.append(cloud)
            let a = centre.0 + Double.random(in: -1...1, using: &numbers)
            let b = centre.1 + Double.random(in: -1...1, using: &numbers)
            text += "\(a),\(b)\n"
        }
        return (text, clouds)
    }

    /// The centres are near the clouds' means where each begins in its own, as they do with this seed.
    @Test(arguments: ["", " --batch-mode mean"]) func cloudsAreGroups(_ mode: String) throws {
        let workspace = Workspace()
        let (text, clouds) = Self.stream(2000)
        try workspace.write("s.csv", text)
        let line = "evaluate --input s.csv --learner k-means:clusters=6 -p out.jsonl --json --progress none" + mode
        let report = try workspace.thalweg(line).report()
        #expect(report.json["task"] as? String == "clustering" && report.learned == 2000)
        #expect(Set(report.metrics.keys) == ["average_loss"])
        let groups = try workspace.objects("out.jsonl").map { $0["prediction"] as? Int ?? -1 }
        // No group has records of two clouds once the centres have settled.
        for group in Set(groups) {
            let members = zip(groups, clouds).dropFirst(500).filter { $0.0 == group }
            #expect(Set(members.map(\.1)).count <= 1, "group \(group)")
        }
    }

    /// The number of clouds is found, and each keeps its number.
    @Test func dbstreamFindsClouds() throws {
        let workspace = Workspace()
        let (text, clouds) = Self.stream(2000)
        try workspace.write("s.csv", text)
        let line = "evaluate --input s.csv --learner dbstream -p out.jsonl --json --progress none"
        #expect(try workspace.thalweg(line).report().learned == 2000)
        let groups = try workspace.objects("out.jsonl").map { $0["prediction"] as? Int ?? -1 }
        let found = (0..<3).map { cloud in Set(zip(groups, clouds).dropFirst(500).filter { $0.1 == cloud }.map(\.0)) }
        #expect(found.allSatisfy { $0.count == 1 } && Set(found.flatMap { $0 }).count == 3, "\(found)")
    }
}

import Foundation
import Testing

struct ComplementBayesTests {
    /// The example of River's ComplementNB (0.26.1): probabilities for words that were never seen.
    @Test func unseenWordsAsInRiver() throws {
        let workspace = Workspace()
        let documents = [
            ("chinese beijing chinese", "yes"), ("chinese chinese shanghai", "yes"), ("chinese macao", "maybe"),
            ("tokyo japan chinese", "no"), ("test", ""),
        ]
        let lines = documents.map { "{\"text\":\"\($0)\",\"y\":\($1.isEmpty ? "null" : "\"\($1)\"")}" }
        try workspace.write("d.jsonl", lines.joined(separator: "\n") + "\n")
        let outcome = try workspace.thalweg(
            "run --input d.jsonl --target y --task multiclass --text text --learner complement-naive-bayes "
                + "--progress none --predictions p.jsonl")
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let last = try #require(workspace.lines("p.jsonl").last)
        let probabilities = try #require(JSONObject.parse(last)["probabilities"] as? [String: Double])
        for (name, expected) in ["yes": 0.275, "maybe": 0.375, "no": 0.35] {
            #expect(try abs(#require(probabilities[name]) - expected) < 1e-9, "\(name): \(probabilities)")
        }
    }
}

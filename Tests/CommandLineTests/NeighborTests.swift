import Foundation
import Testing

/// Nearest neighbours as the peers have them, on 3,000 records of MOA's streams with their default options.
struct NeighborTests {
    private static let line = "evaluate --learner knn --json --progress none --input"

    /// MOA (the jar inside CapyMOA 0.15.1), lazy.kNN with its defaults: numbers by their range, records as near as the
    /// tenth neighbour included; LED's attributes are nominal and its distances full of ties.
    @Test(arguments: [("sea", 2581), ("led", 1862), ("agrawal", 1902)])
    func answersAsMOA(_ stream: String, _ right: Int) throws {
        let workspace = Workspace()
        try workspace.write("s.arff", Streams.generate(stream, 3000, .arff))
        let report = try workspace.thalweg("\(Self.line) s.arff --target class --preset moa").report()
        #expect(((report.metrics["accuracy"] ?? 0) * 3000).rounded() == Double(right))
    }

    /// River 0.26.1: StandardScaler | KNNClassifier(5, LazySearch(1000)).
    @Test func answersAsRiver() throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Streams.generate("sea", 3000, .csv))
        let report = try workspace.thalweg("\(Self.line) s.csv --target class --preset river").report()
        #expect(((report.metrics["accuracy"] ?? 0) * 3000).rounded() == 2551)
    }

    /// River 0.26.1: StandardScaler | KNNRegressor(5, LazySearch(1000), mean, weighted_mean or median).
    @Test(arguments: [
        ("uniform", 2.6285862245133904), ("distance", 2.6779710036937803), ("median", 2.834719368085124),
    ])
    func numbersAsRiver(_ weights: String, _ error: Double) throws {
        let workspace = Workspace()
        try workspace.write("s.csv", Streams.generate("sea", 3000, .csv))
        let line = "\(Self.line) s.csv --target attrib3 --task regression --ignore class --preset river"
        let report = try workspace.thalweg(line + " --learner knn:weights=\(weights)").report()
        #expect(abs((report.metrics["mae"] ?? 0) - error) < 1e-9)
    }
}

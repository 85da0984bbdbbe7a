import Foundation
import Learners
import Records
import Testing

/// The mixture on a real stream, prepared as in the experiments that chose its constants.
@Suite struct MixtureDataTests {
    static let electricity = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../../shared/data/electricity.csv").standardized.path

    /// Numbers standardised with the statistics before the record, clipped to ±5; deviations winsorised at 10.
    private struct Scaler {
        var count = 0.0
        var mean = 0.0
        var squares = 0.0

        mutating func callAsFunction(_ x: Double) -> Float {
            let deviation = count > 0 ? (squares / count).squareRoot() : 0
            let z = deviation > 0 ? max(-5, min(5, (x - mean) / deviation)) : 0
            count += 1
            var d = x - mean
            if count > 10 && deviation > 0 { d = max(-10 * deviation, min(10 * deviation, d)) }
            let seen = mean + d
            mean += d / count
            squares += d * (seen - mean)
            return Float(z)
        }
    }

    @Test(
        .enabled(
            if: FileManager.default.fileExists(atPath: electricity), "needs ../shared/data/electricity.csv"))
    func electricityIsLearned() throws {
        let text = try String(contentsOfFile: Self.electricity, encoding: .utf8)
        let lines = text.split(separator: "\n")
        let names = lines[0].split(separator: ",")
        let target = try #require(names.firstIndex { $0.contains("class") || $0 == "target" })
        var scalers = [Scaler](repeating: Scaler(), count: names.count)
        let learner = try makeMixture(.binary, slotCount: names.count)
        var stream = MixtureStream()
        for line in lines.dropFirst() {
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            var row: [(slot: Int, x: Float)] = []
            for column in names.indices where column != target {
                row.append((column, scalers[column](Double(cells[column]) ?? 0)))
            }
            stream.rows.append(row)
            stream.targets.append(["UP", "1", "True", "true"].contains(String(cells[target])) ? 1 : 0)
            stream.weights.append(1)
        }
        let outputs = learner.run(stream, batchSize: 256)
        let hits = zip(outputs, stream.targets).filter { ($0[0] > 0.5) == ($1 > 0) }.count
        let losses = zip(outputs, stream.targets).reduce(0) { $0 - log(max(1e-15, $1.1 > 0 ? $1.0[0] : 1 - $1.0[0])) }
        let (accuracy, loss) = (Double(hits) / Double(stream.count), losses / Double(stream.count))
        print("electricity: accuracy \(accuracy), log loss \(loss)")
        #expect(accuracy >= 0.915)
        #expect(loss < 0.21)
    }
}

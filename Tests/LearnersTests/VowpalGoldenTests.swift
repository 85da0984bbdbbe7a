import Components
import Foundation
import Records
import Testing

@testable import Learners

@Suite struct VowpalGoldenTests {
    struct Golden {
        let name: String
        let file: String
        let run: VowpalCase
        let averageLoss: Double
        let predictions: [Double]
    }

    static func goldens() throws -> [Golden] {
        let text = String(decoding: try VowpalFiles.bytes("goldens.txt"), as: UTF8.self)
        let lines = text.split(separator: "\n")
        return stride(from: 0, to: lines.count - 1, by: 2).compactMap { at in
            let fields = lines[at].split(separator: "\t").map(String.init)
            guard fields.count == 8 else { return nil }
            var run = VowpalCase()
            run.task = Records.Task(rawValue: fields[2]) ?? .regression
            run.parameters = [:]
            for pair in fields[3].split(separator: ",") {
                let parts = pair.split(separator: "=").map(String.init)
                run.parameters[parts[0]] = parts[1]
            }
            run.classes = Int(fields[6]) ?? 0
            run.firstLabel = fields[1] == "mc0.txt" ? 0 : 1
            // Vowpal Wabbit shares the bits between the feature and the class (rounded up to a power of two).
            run.bits = (Int(fields[4]) ?? 18) - (run.classes == 0 ? 0 : 2)
            run.constant = fields[5] == "1"
            return Golden(
                name: fields[0], file: fields[1], run: run, averageLoss: Double(fields[7]) ?? .nan,
                predictions: lines[at + 1].split(separator: " ").compactMap { Double($0) })
        }
    }

    /// What this engine answers where Vowpal Wabbit's clipped score is `score`.
    static func answer(_ score: Double, _ golden: Golden) -> Double {
        guard golden.run.task == .binary else { return score }
        if golden.run.parameters["loss"] == "logistic" { return 1 / (1 + exp(-score)) }
        return min(max((score + 1) / 2, 0), 1)
    }

    @Test func everyCaseAgreesToOnePartInAHundredThousand() throws {
        let goldens = try Self.goldens()
        #expect(goldens.count == 91)
        var worst: [String: (loss: Double, prediction: Double)] = [:]
        for golden in goldens {
            let run = try golden.run.run(try VowpalFiles.bytes(golden.file))
            #expect(run.rejected.isEmpty, "\(golden.name): \(run.rejected.first?.reason ?? "")")
            #expect(run.outputs.count == golden.predictions.count, "\(golden.name)")
            let scale = max(1, abs(golden.averageLoss))
            let lossError = abs(run.averageLoss - golden.averageLoss) / scale
            #expect(lossError <= 1e-5, "\(golden.name): \(run.averageLoss), not \(golden.averageLoss)")
            var error = 0.0
            for (row, expected) in golden.predictions.enumerated() where row < run.outputs.count {
                if golden.run.task == .multiclass {
                    #expect(run.classes[row] == Int(expected), "\(golden.name), record \(row + 1)")
                    continue
                }
                let difference = abs(run.outputs[row][0] - Self.answer(expected, golden))
                error = max(error, difference / max(1, abs(expected)))
            }
            #expect(error <= 1e-5, "\(golden.name): predictions differ by \(error)")
            let group = "\(golden.file) \(golden.run.parameters["optimizer"] ?? "")"
            let so = worst[group] ?? (0, 0)
            worst[group] = (max(so.loss, lossError), max(so.prediction, error))
        }
        for (group, errors) in worst.sorted(by: { $0.key < $1.key }) {
            print("Vowpal goldens, \(group): loss \(errors.loss), predictions \(errors.prediction)")
        }
    }

    static let conformance: [(file: String, task: Records.Task, parameters: String, loss: Double)] = [
        ("0001.dat", .regression, "optimizer=vw,loss=squared", 0.195759),
        ("0001.dat", .regression, "optimizer=vw,loss=logistic", 0.560282),
        ("0001.dat", .regression, "optimizer=ftrl,dialect=vw,alpha=0.01,beta=0,l1=2,loss=squared", 0.379717),
        ("0002.dat", .regression, "optimizer=vw,adaptive=false,normalized=false,invariant=true", 0.003382),
        ("0002.dat", .regression, "optimizer=vw,power-t=0.45", 0.003447),
        ("0002.dat", .regression, "optimizer=vw", 0.003499),
        ("rcv1_small.dat", .binary, "optimizer=vw", 0.429393),
        ("rcv1_small.dat", .binary, "optimizer=vw,adaptive=false,normalized=false,invariant=false", 0.554529),
        ("rcv1_small.dat", .binary, "optimizer=ftrl,dialect=vw", 0.586666),
        ("rcv1_small.dat", .binary, "optimizer=coin", 0.448101),
    ]

    @Test(.enabled(if: VowpalFiles.hasConformanceData, "Vowpal Wabbit's test data is not beside the package"))
    func conformanceNumbers() throws {
        for expected in Self.conformance {
            var run = VowpalCase()
            run.task = expected.task
            run.parameters = [:]
            for pair in expected.parameters.split(separator: ",") {
                let parts = pair.split(separator: "=").map(String.init)
                run.parameters[parts[0]] = parts[1]
            }
            let result = try run.run(try VowpalFiles.bytes(expected.file, in: VowpalFiles.conformance))
            #expect(result.rejected.isEmpty)
            #expect(
                abs(result.averageLoss - expected.loss) <= 1e-5,
                "\(expected.file) \(expected.parameters): \(result.averageLoss), not \(expected.loss)")
            print("Vowpal conformance, \(expected.file) \(expected.parameters): \(result.averageLoss)")
        }
    }

    @Test(.enabled(if: VowpalFiles.hasConformanceData, "Vowpal Wabbit's test data is not beside the package"))
    func conformanceOfTenClasses() throws {
        var run = VowpalCase()
        run.task = .multiclass
        run.classes = 10
        run.bits = 14
        let result = try run.run(try VowpalFiles.bytes("multiclass", in: VowpalFiles.conformance))
        #expect(result.averageLoss == 0.9, "\(result.averageLoss)")
        #expect(result.outputs.allSatisfy { abs($0.reduce(0, +) - 1) < 1e-12 })
    }
}

import Foundation
import Testing

@testable import Generators

/// One case of the goldens that scripts/make_goldens.py wrote from MOA's output.
struct GoldenCase: Sendable, CustomTestStringConvertible {
    var name = ""
    var seed: UInt64 = 1
    var options: [String: Double] = [:]
    /// Name and categories (nil for numbers) of each column, of cases with default options.
    var fields: [(name: String, categories: [String]?)] = []
    var rows: [[Double]] = []
    var checksum: UInt64 = 0

    var testDescription: String { "\(name) seed \(seed) \(options.sorted { $0.key < $1.key })" }

    static let all: [GoldenCase] = {
        guard let url = Bundle.module.url(forResource: "moa-goldens", withExtension: "txt", subdirectory: "Fixtures"),
            let text = try? String(contentsOf: url, encoding: .utf8)
        else { return [] }
        return parse(text)
    }()

    private static func parse(_ text: String) -> [GoldenCase] {
        var cases: [GoldenCase] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "case" {
                cases.append(GoldenCase(name: words[1]))
            }
            var last = cases.removeLast()
            switch words[0] {
            case "case":
                for setting in words.dropFirst(2) {
                    let parts = setting.split(separator: "=").map(String.init)
                    if parts[0] == "seed" {
                        last.seed = UInt64(parts[1]) ?? 0
                    } else {
                        last.options[parts[0]] = Double(parts[1])
                    }
                }
            case "field":
                last.fields.append((words[1], words[2] == "numeric" ? nil : words[2].components(separatedBy: ",")))
            case "row": last.rows.append(words.dropFirst().compactMap(Double.init))
            default: last.checksum = UInt64(words[1], radix: 16) ?? 0
            }
            cases.append(last)
        }
        return cases
    }
}

/// FNV-1a with 64 bits; numbers are added as one word, not as eight bytes.
struct Checksum {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ number: Double) { add(word: number.bitPattern) }

    mutating func add(byte: UInt8) { add(word: UInt64(byte)) }

    private mutating func add(word: UInt64) {
        value = (value ^ word) &* 0x100_0000_01B3
    }
}

/// The next records of a generator.
func records(_ generator: inout any RecordGenerator, count: Int) -> [[Double]] {
    var record = [Double](repeating: .nan, count: generator.fields.count)
    return (0..<count).map { _ in
        record.withUnsafeMutableBufferPointer { generator.next(into: $0) }
        return record
    }
}

func makeGenerator(
    _ name: String, seed: UInt64? = nil, _ options: [String: Double] = [:]
) throws -> any RecordGenerator {
    try GeneratorRegistry.find(name).make(seed, options)
}

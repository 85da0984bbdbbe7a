import Foundation
import Generators

/// Seeded numbers for tests; the seed is printed, so that a failure can be repeated with THALWEG_TEST_SEED.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// The seed of this session for the test of that name.
    static func seed(_ name: String) -> UInt64 {
        let given = ProcessInfo.processInfo.environment["THALWEG_TEST_SEED"].flatMap(UInt64.init)
        let seed = given ?? UInt64.random(in: 0..<1_000_000)
        print("\(name): THALWEG_TEST_SEED=\(seed)")
        return seed
    }

    /// SplitMix64 (Steele, Lea and Flood 2014).
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// How long streams are. THALWEG_FULL=1 asks for the longer ones; the behaviour that is tested is the same.
enum Scale {
    static let isFull = ProcessInfo.processInfo.environment["THALWEG_FULL"] != nil

    static func records(_ fast: Int, full: Int) -> Int { isFull ? full : fast }
}

/// Text of synthetic streams.
enum Streams {
    static func generate(_ name: String, _ records: Int, _ format: RecordFormat, seed: UInt64 = 1) throws -> String {
        var generator = try GeneratorRegistry.find(name).make(seed, [:])
        var writer = format.makeWriter(relation: name)
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: generator.fields.count)
        defer { values.deallocate() }
        var bytes: [UInt8] = []
        writer.header(generator.fields, into: &bytes)
        for _ in 0..<records {
            generator.next(into: values)
            writer.write(UnsafeBufferPointer(values), into: &bytes)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func lines(_ name: String, _ records: Int, _ format: RecordFormat = .jsonl, seed: UInt64 = 1) throws
        -> [String]
    {
        try generate(name, records, format, seed: seed).split(separator: "\n").map(String.init)
    }

    /// A line plus a step by category plus noise, with missing values: a regression task.
    static func regression(_ records: Int) -> String {
        var numbers = SeededNumbers(3)
        var text = "x,z,kind,y\n"
        for _ in 0..<records {
            let x = Double.random(in: -2...2, using: &numbers)
            let z = Double.random(in: 0...100, using: &numbers)
            let kind = ["a", "b", "c"].randomElement(using: &numbers) ?? "a"
            let noise = Double.random(in: -0.1...0.1, using: &numbers)
            let y = 3 * x - z / 20 + (kind == "a" ? 5 : 0) + noise
            let shown = Int.random(in: 0..<20, using: &numbers) == 0 ? "" : String(x)
            text += "\(shown),\(z),\(kind),\(y)\n"
        }
        return text
    }
}

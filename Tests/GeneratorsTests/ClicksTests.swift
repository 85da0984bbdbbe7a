import Testing

@testable import Generators

@Suite("Clicks")
struct ClicksTests {
    @Test func shape() throws {
        let fields = try makeGenerator("clicks").fields
        #expect(fields.count == 40)
        #expect(fields[0] == GeneratedField(name: "I1", kind: .numeric))
        #expect(fields[13] == GeneratedField(name: "C1", kind: .code(cardinality: 1400, salt: 0)))
        #expect(fields[38] == GeneratedField(name: "C26", kind: .code(cardinality: 50_000, salt: 25 * 40503)))
        #expect(fields[39] == GeneratedField(name: "class", kind: .categorical(["0", "1"])))
    }

    /// The stream must never change: benchmarks of different versions are compared on it.
    @Test func bytesStayTheSame() throws {
        var generator = try makeGenerator("clicks", seed: 1, ["drift-at": 1000])
        var writer = RecordFormat.csv.makeWriter()
        var bytes: [UInt8] = []
        writer.header(generator.fields, into: &bytes)
        for record in records(&generator, count: 2000) {
            record.withUnsafeBufferPointer { writer.write($0, into: &bytes) }
        }
        var checksum = Checksum()
        for byte in bytes { checksum.add(byte: byte) }
        #expect(checksum.value == 0x9678_1D4B_DD31_02D1)
    }

    @Test func valuesAreInRange() throws {
        var generator = try makeGenerator("clicks", seed: 3)
        let fields = generator.fields
        for record in records(&generator, count: 2000) {
            for (value, field) in zip(record, fields) {
                switch field.kind {
                case .numeric: #expect(value >= 0 && value < 10 && (value * 10_000).rounded() / 10_000 == value)
                case .code(let cardinality, _): #expect(value >= 0 && Int(value) < cardinality)
                case .categorical: #expect(value == 0 || value == 1)
                }
            }
        }
    }

    @Test("the fraction of positives is the one asked for", arguments: [nil, 0.05, 0.5])
    func positiveRate(rate: Double?) throws {
        for seed: UInt64 in 1...3 {
            var options: [String: Double] = ["drift-at": 0, "model-seed": Double(seed)]
            options["positive-rate"] = rate
            var generator = try makeGenerator("clicks", seed: seed, options)
            let positives = records(&generator, count: 20_000).count { $0[39] == 1 }
            #expect(abs(Double(positives) / 20_000 - (rate ?? 0.22)) < 0.02)
        }
    }

    @Test func driftChangesLabelsOnly() throws {
        var drifting = try makeGenerator("clicks", seed: 5, ["drift-at": 3000])
        var steady = try makeGenerator("clicks", seed: 5, ["drift-at": 0])
        let (first, second) = (records(&drifting, count: 20_000), records(&steady, count: 20_000))
        #expect(first.prefix(3000) == second.prefix(3000))
        #expect(first.map { $0.dropLast() } == second.map { $0.dropLast() })
        let changed = zip(first, second).count { $0[39] != $1[39] }
        #expect(changed > 500 && changed < 5000)
        let positives = first.dropFirst(3000).count { $0[39] == 1 }
        #expect(abs(Double(positives) / 17_000 - 0.22) < 0.06)
    }

    @Test func seedsAndModelSeedsMatter() throws {
        var made: Set<[Double]> = []
        for seed: UInt64 in 0..<4 {
            var generator = try makeGenerator("clicks", seed: seed)
            made.insert(records(&generator, count: 1)[0])
        }
        #expect(made.count == 4)
        var one = try makeGenerator("clicks", seed: 1, ["model-seed": 1])
        var two = try makeGenerator("clicks", seed: 1, ["model-seed": 2])
        let (first, second) = (records(&one, count: 500), records(&two, count: 500))
        #expect(first.map { $0.dropLast() } == second.map { $0.dropLast() })
        #expect(first != second)
    }
}

import Records
import Testing

@testable import Formats

/// Whatever bytes arrive: no trap, no half record, and the same answer however they arrive.
@Suite struct GarbageTests {
    private static let seed: UInt64 = 20_240_607

    @Test(arguments: Example.all)
    func mutatedDocumentsAreRowsOrRejected(_ example: Example) {
        print("GarbageTests, \(example.testDescription): seed \(Self.seed)")
        var random = ConformanceRandom(Self.seed)
        for round in 0..<150 {
            let bytes = mutated(example.bytes, &random)
            let whole = Conformance.decode(example, bytes)
            let cut = random.below(bytes.count + 1)
            let pieces = [Array(bytes[..<cut]), Array(bytes[cut...])]
            let other = Conformance.decode(example, pieces: pieces, capacity: 1 + random.below(4))
            guard whole.faults.isEmpty, other == whole else {
                Issue.record("round \(round), cut \(cut): \(differences(other, whole))")
                return
            }
            for row in whole.rows { expectFinite(row) }
            if whole.error == nil, !example.format.isFeatureNative, !example.format.isBinary,
                isHeaderIntact(bytes, example)
            {
                expectEveryLine(of: bytes, in: whole, example)
            }
        }
    }

    @Test(arguments: Example.all)
    func mutatedDocumentsAreSampled(_ example: Example) {
        var random = ConformanceRandom(Self.seed + 1)
        for _ in 0..<100 {
            let bytes = mutated(example.bytes, &random)
            let chunk = Chunk(capacity: bytes.count)
            bytes.withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
            chunk.sealPadding()
            var sample = Sample()
            _ = try? example.makeSampler().sample(chunk, isEnd: true, limit: 1000, into: &sample)
            _ = try? SchemaInference.infer(sample, SchemaOptions())
            var options = SchemaOptions()
            options.target = sample.names.last
            _ = try? SchemaInference.infer(sample, options)
        }
    }

    /// Replaces, inserts, deletes and repeats bytes, mostly ones that mean something.
    private func mutated(_ document: [UInt8], _ random: inout ConformanceRandom) -> [UInt8] {
        let special = Array("\"'\\{}[]:,|%?#@ \t\r\n\0-+.eE019nN".utf8) + [0x80, 0xc3, 0xe9, 0xff]
        var bytes = document
        for _ in 0...random.below(6) {
            let at = random.below(bytes.count)
            let byte = random.below(4) == 0 ? UInt8(truncatingIfNeeded: random.next()) : random.pick(special)
            switch random.below(5) {
            case 0: bytes[at] = byte
            case 1: bytes.insert(byte, at: at)
            case 2: bytes.remove(at: at)
            case 3: bytes.removeSubrange(at..<min(at + random.below(20), bytes.count - 1))
            default:
                let copy = bytes[at..<min(at + random.below(40), bytes.count)]
                bytes.insert(contentsOf: copy, at: random.below(at + 1))
            }
        }
        return bytes
    }

    /// Whether the lines that are no records are still to be told from the others.
    private func isHeaderIntact(_ bytes: [UInt8], _ example: Example) -> Bool {
        guard example.format.name != "jsonl" else { return !bytes.starts(with: [0xef]) }
        let text = example.format.name == "csv" ? "a,b,c,t,y,id,w,extra\n" : example.document
        let header = example.format.name == "arff" ? text.prefix { $0 != "1" } : text[...]
        return bytes.starts(with: header.utf8)
    }

    private func expectFinite(_ row: Conformance.Row) {
        #expect(row.numbers.allSatisfy { !Double(bitPattern: $0).isInfinite })
        #expect(row.values.allSatisfy { Float(bitPattern: $0).isFinite })
        #expect(row.weight.isFinite && row.weight >= 0)
        #expect(!Double(bitPattern: row.target).isInfinite)
    }
}

/// Records at the edges of what there is.
@Suite struct ExtremeRecordTests {
    private func example(_ name: String) throws -> Example {
        try #require(Example.all.first { $0.format.name == name && $0.schema.task == .multiclass })
    }

    private func decode(_ name: String, _ text: String) throws -> Conformance.Outcome {
        Conformance.decode(try example(name), Array(text.utf8))
    }

    private static let arffHeader = "@attribute a real\n@attribute b string\n@attribute t string\n@data\n"

    @Test func longLines() throws {
        let long = String(repeating: "word and ", count: 120_000)
        let after = "{\"a\":2}\n"
        let json = try decode("jsonl", "{\"a\":1,\"t\":\"\(long)\"}\n" + after)
        #expect(json.rows.map(\.tokens.count) == [240_000, 0])
        let csv = try decode("csv", "a,t\n1,\(long)\n2,\"\(long)\"\n3,x\n")
        #expect(csv.rows.map(\.tokens.count) == [240_000, 240_000, 1])
        let arff = try decode("arff", Self.arffHeader + "1,x,'\(long)'\n1,'\(long)\\'',?\n3,x,y\n")
        #expect(arff.rows.map(\.tokens.count) == [240_000, 0, 1])
        let vw = try decode("vw", "1 |a \(long)\n1 |a x\n")
        #expect(vw.rows.map(\.indices.count) == [240_000, 1])
        let pairs = (1...100_000).map { "\($0):1" }.joined(separator: " ")
        #expect(try decode("libsvm", "1 \(pairs)\n1 1:1\n").rows.map(\.indices.count) == [100_000, 1])
    }

    @Test func rejectedBytesAreCut() throws {
        let outcome = try decode("csv", "a,t\n\(String(repeating: "x", count: 1 << 20)),t\n")
        #expect(outcome.rejected.map(\.bytes.count) == [RejectedRecord.maximumBytes])
    }

    @Test func deepNesting() throws {
        for open in ["[", "{\"a\":"] {
            let deep = String(repeating: open, count: 100_000)
            let outcome = try decode("jsonl", "\(deep)\n{\"x\":\(deep)}\n{\"a\":1}\n")
            #expect(outcome.rows.count == 1)
            #expect(outcome.rejected.count == 2)
        }
    }

    /// Rejected for what they are, the record after them untouched.
    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"a":1,"b":"x","a":1}"#, #"{"zz":1,"zz":1}"#, #"{"a":{"b":1},"a.b":2}"#, #"{"a":1e999}"#,
        #"{"a":NaN}"#, #"{"a":Infinity}"#, #"{"a":-Infinity}"#, #"{"a":01}"#, #"{"a":1.}"#, #"{"a":.5}"#, #"{"a":+1}"#,
        #"{"a":1}x"#, #"{"a":1}{"a":2}"#, #"{"a":1,}"#, #"{,"a":1}"#, #"{"a" 1}"#, #"{"a":tru}"#, #"{"a":nullx}"#,
        #"{"a":"inf"}"#, #"{"a":"1e999"}"#, #"{"a":"x"}"#, #"{"w":-1}"#, #"{"w":1e300}"#, #"{"w":"x"}"#, #"{"a":"\x"}"#,
        #"{"b":"\ud800"}"#, "{\"b\":\"\u{1}\"}", "{\"b\":\"\0\"}", "{\"a\":1}\0", #"{"b":"x}"#, #""a""#, "1", "null",
        "[]",
    ])
    func malformedJSON(_ record: String) throws {
        // Behind a record of the same layout, so that the quick reader sees it first.
        let before = "{\"a\":1,\"b\":\"x\"}\n{\"a\":1}\n"
        let outcome = try decode("jsonl", before + record + "\n{\"a\":7}\n")
        #expect(outcome.rows.count == 3)
        #expect(outcome.rejected.map(\.bytes) == [Array(record.utf8)])
        #expect(outcome.rows.last?.numbers.first == Double(7).bitPattern)
    }

    @Test(arguments: ["jsonl", "csv", "arff"])
    func invalidUTF8(_ name: String) throws {
        let example = try example(name)
        let first = "{\"a\":1,\"b\":\"x\",\"t\":\"y\"}\n"
        let header = ["csv": "a,b,t\n", "arff": Self.arffHeader, "jsonl": first][name] ?? ""
        for bad: [UInt8] in [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x80]] {
            let record = name == "jsonl" ? ["{\"a\":1,\"b\":\"", "\",\"t\":\"y\"}"] : ["1,", ",y"]
            let bytes = Array((header + record[0]).utf8) + bad + Array((record[1] + "\n" + record[0] + record[1]).utf8)
            let outcome = Conformance.decode(example, bytes)
            #expect(outcome.rejected.count == (name == "arff" ? 2 : 1))  // its empty value, too
            #expect(outcome.rejected.first?.reason.contains("UTF") == true)
        }
    }

    @Test(arguments: ["1e999", "-1e999", "inf", "-Infinity", "1x", "0x10", "1,5", "--1", "1e", "\0", "1\0"])
    func fieldsThatAreNoNumbers(_ text: String) throws {
        let csv = try decode("csv", "a,b\n\"\(text)\",x\n1,x\n")
        #expect(csv.rows.count == 1 && csv.rejected.count == 1)
        let arff = try decode("arff", Self.arffHeader + "'\(text)',x,y\n1,x,y\n")
        #expect(arff.rows.count == 1 && arff.rejected.count == 1)
    }

    @Test(arguments: ["", "NA", "NaN", "nan", "null", "?"])
    func fieldsThatAreMissing(_ text: String) throws {
        let records = [text, "\"\(text)\""].map { "\($0),\($0),\($0),\($0)\n" }
        let csv = try decode("csv", "a,b,c,y\n" + records.joined())
        #expect(csv.rows.count == 2)
        for row in csv.rows {
            #expect(row.numbers.allSatisfy { Double(bitPattern: $0).isNaN })
            #expect(row.categories.allSatisfy { $0 == 0 } && row.targetText.isEmpty)
        }
    }

    /// Unknown keys without end neither grow the decoder without end nor hide duplicates.
    @Test func unknownKeysAreForgotten() throws {
        let example = try example("jsonl")
        let decoder = example.makeDecoder()
        var text = ""
        for record in 0..<40 {
            let keys = (0..<2500).map { "\"k\(record)_\($0)\":1" }.joined(separator: ",")
            text += "{\"a\":\(record),\(keys)}\n{\"a\":\(record),\"new\(record)\":1,\"new\(record)\":1}\n"
        }
        let outcome = Conformance.decode(decoder, example.schema, [Array(text.utf8)], capacity: 16)
        #expect(outcome.rows.map { Double(bitPattern: $0.numbers[0]) } == (0..<40).map { Double($0) })
        #expect(outcome.rejected.count == 40)
    }

    /// A stray quote costs its own line, however far the next quote is.
    @Test func strayQuotes() throws {
        let lines = (0..<100).map { "\($0),x\n" }.joined()
        let end = try decode("csv", "a,b\n1,\"x\n" + lines)
        #expect(end.rows.count == 100 && end.rejected.count == 1)
        let far = String(repeating: "1,some text of a line\n", count: 60_000)
        let text = Array(("a,b\n1,\"x\n" + far + "2,\"y\"\n").utf8)
        let whole = Conformance.decode(try example("csv"), text)
        #expect(whole.rows.count == 60_001 && whole.rejected.count == 1)
        let pieces = stride(from: 0, to: text.count, by: 300_000).map {
            Array(text[$0..<min($0 + 300_000, text.count)])
        }
        #expect(Conformance.decode(try example("csv"), pieces: pieces) == whole)
    }

    @Test func manyRejectedRecordsArePassedOn() throws {
        let example = try example("csv")
        let batch = RecordBatch(capacity: 4, for: example.schema)
        let decoder = example.makeDecoder()
        let chunk = Chunk(capacity: 1 << 10)
        Array("a,b\nx,x\nx,x\nx,x\nx,x\n".utf8).withUnsafeBufferPointer {
            chunk.append(ByteRange($0.baseAddress, $0.count))
        }
        chunk.sealPadding()
        _ = try decoder.decode(chunk, from: 0, isEnd: false, into: batch)
        #expect(batch.rows == 0 && batch.isFull)
    }
}

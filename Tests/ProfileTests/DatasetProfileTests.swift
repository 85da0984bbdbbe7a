import Formats
import Records
import State
import Testing

@testable import Profile

@Suite struct DatasetProfileTests {
    /// A CSV text through the decoder, in batches of a size.
    private func profile(_ csv: String, _ options: SchemaOptions, batch size: Int = 64) throws -> DatasetProfile {
        let chunk = Chunk(capacity: csv.utf8.count)
        Array(csv.utf8).withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        chunk.sealPadding()
        var sample = Sample()
        _ = try CSVSampler().sample(chunk, isEnd: true, limit: 1000, into: &sample)
        let plan = ProfilePlan(schema: try SchemaInference.infer(sample, options), sample: sample)
        let profile = DatasetProfile(plan)
        let decoder = try #require(FormatRegistry.find("csv")).makeDecoder(plan.decoding, DecoderOptions())
        let batch = RecordBatch(
            capacity: size, numericCount: plan.decoding.fields(.numeric).count, categoricalCount: 0,
            isFeatureNative: false, rawCount: plan.decoding.fields(.raw).count)
        decoder.beginPart()
        var offset = 0
        while offset < chunk.count {
            batch.recycle()
            offset = try decoder.decode(chunk, from: offset, isEnd: true, into: batch)
            profile.learn(batch)
        }
        return profile
    }

    private var options: SchemaOptions {
        var options = SchemaOptions()
        options.target = "y"
        return options
    }

    private func stream(_ records: Int, seed: UInt64 = 4) -> String {
        let generator = RandomGenerator(seed: seed)
        var lines = ["n,x,color,leak,constant,when,y"]
        for index in 0..<records {
            let u = generator.nextUniform()
            let y = u < 0.3 ? "yes" : "no"
            let x = index % 9 == 0 ? "" : "\((generator.nextUniform() * 1000).rounded() / 8)"
            let color = ["red", "green", "blue", ""][Int(generator.next() % 4)]
            let day = index / 1_000 + 1
            let leak = y == "yes" ? "A" : "B"
            lines.append(
                "\(index),\(x),\(color),\(leak),7,2024-01-0\(day)T00:\(10 + index / 60 % 50):\(10 + index % 50),\(y)")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func summary(_ profile: DatasetProfile) -> DatasetSummary {
        profile.settle()
        return DatasetSummary(profile)
    }

    @Test func countsAreExact() throws {
        let csv = stream(3_000)
        let rows = csv.split(separator: "\n").dropFirst().map {
            $0.split(separator: ",", omittingEmptySubsequences: false)
        }
        let summary = summary(try profile(csv, options))
        #expect(summary.records == 3_000 && summary.rejected == 0 && summary.duplicates == 0)
        let x = try #require(summary.fields.first { $0.name == "x" })
        let values = rows.compactMap { Double($0[1]) }
        #expect(x.count == values.count && x.missing == 3_000 - values.count)
        #expect(x.minimum == values.min() && x.maximum == values.max())
        #expect(abs(x.moments.mean - values.reduce(0, +) / Double(values.count)) < 1e-9)
        #expect(x.zeros == values.count { $0 == 0 })
        #expect(x.histogram?.counts.reduce(0, +) == values.count)
        let color = try #require(summary.fields.first { $0.name == "color" })
        #expect(color.distinct == 3 && color.missing == rows.count { $0[2].isEmpty })
        for item in color.top { #expect(item.count == rows.count { $0[2] == item.value } && item.error == 0) }
        #expect(summary.target?.top.map(\.value).sorted() == ["no", "yes"])
        #expect(summary.times?.field == "when" && (summary.times?.longestGaps.first?.seconds ?? 0) > 80_000)
    }

    @Test func batchesDoNotMatter() throws {
        let csv = stream(2_500)
        let digests = try [1, 7, 256].map { try profile(csv, options, batch: $0).digest }
        #expect(Set(digests).count == 1)
    }

    @Test func suggestsWhatToDo() throws {
        let advice = RoleAdvice(summary(try profile(stream(3_000), options)))
        #expect(advice.suspects.map(\.field) == ["leak"])
        #expect(advice.role(of: "constant") == .ignored && advice.role(of: "leak") == .ignored)
        #expect(advice.role(of: "n") == .ignored, "it counts records")
        #expect(advice.role(of: "when") == .time && advice.role(of: "y") == .target)
        #expect(advice.suggestions.contains { $0.field == "x" && $0.step.hasPrefix("impute") })
        #expect(!advice.suggestions.contains { $0.field == "color" }, "nothing is wrong with it")
        let yaml = advice.configuration(inputs: ["a \"b\".csv"], format: "csv")
        #expect(yaml.contains("path: [\"a \\\"b\\\".csv\"]") && yaml.contains("target: \"y\""))
    }

    @Test func halvesMergeToTheWhole() throws {
        let csv = stream(6_000)
        let lines = csv.split(separator: "\n")
        let whole = summary(try profile(csv, options))
        // Both halves get the plan of the same sample.
        let first = try profile(lines[...3_000].joined(separator: "\n") + "\n", options)
        let second = DatasetProfile(first.plan)
        let rest = try profile(([lines[0]] + lines[3_001...]).joined(separator: "\n") + "\n", options)
        first.settle()
        rest.settle()
        second.merge(first)
        second.merge(rest)
        let merged = DatasetSummary(second)
        #expect(merged.records == whole.records && merged.duplicates == whole.duplicates)
        for (a, b) in zip(merged.fields, whole.fields) {
            #expect(a.count == b.count && a.missing == b.missing && a.distinct == b.distinct && a.zeros == b.zeros)
            #expect(a.minimum == b.minimum && a.maximum == b.maximum)
            #expect(abs(a.moments.mean - b.moments.mean) < 1e-9)
            if b.isDistinctExact { #expect(a.top.map(\.count) == b.top.map(\.count)) }
            for item in a.top { #expect(item.error <= 2 * 6_000 / 768, "\(a.name)") }
        }
    }

    @Test func repeatedRecordsAndStrangeTextsAreFine() throws {
        let csv = "a,y\n\"<b>&\u{1b}[31m\",1\n\"<b>&\u{1b}[31m\",1\nx,0\n" + String(repeating: "x,0\n", count: 20)
        let profile = try profile(csv, options)
        let summary = summary(profile)
        #expect(summary.records == 23 && summary.duplicates == 21)
        let advice = RoleAdvice(summary)
        let document = ProfileDocument(summary, advice, seconds: 1, inputs: ["<a>"], format: "csv")
        let html = ProfileReport(document).html
        #expect(!html.contains("<b>&") && html.contains("&lt;b&gt;&amp;") && !html.contains("\u{1b}"))
        let table = ProfileTable(summary, isColoured: false).lines(seconds: 1, advice: advice)
        #expect(!table.joined().contains("\u{1b}"))
        #expect(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"))
    }

    @Test func aCopyIsSettledAndTheOriginalGoesOn() throws {
        let profile = try profile(stream(700), options)
        let before = profile.digest
        let copy = DatasetSummary(profile.settledCopy())
        #expect(copy.records == 700 && copy.fields.first { $0.name == "x" }?.moments.count ?? 0 > 600)
        #expect(profile.digest == before)
    }
}

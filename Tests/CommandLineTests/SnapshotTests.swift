import Foundation
import Snapshots
import Testing

/// Snapshots on disk: what they show, and that a damaged one is never believed.
struct SnapshotTests {
    private static let line =
        "run --input s.jsonl --target class --bits 6 --snapshots s --snapshot-every-records 200 --progress none --json "
        + "--predictions p"

    private static let records = 800

    private static func trained() throws -> Workspace {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", records, .jsonl))
        let outcome = try workspace.thalweg(line)
        #expect(outcome.status == 0 && workspace.snapshots("s").count >= 2, "\(outcome.stderr)")
        return workspace
    }

    @Test func listInspectVerify() throws {
        let workspace = try Self.trained()
        let files = workspace.snapshots("s")
        let list = try workspace.thalweg("snapshot list s --json").lines.map(JSONObject.parse)
        #expect(list.map { $0["path"] as? String } == files.map { "s/" + ($0 as NSString).lastPathComponent })
        #expect(list.last?["records"] as? Int == Self.records && list.last?["learned"] as? Int == Self.records)
        let bytes = try FileManager.default.attributesOfItem(atPath: #require(files.last))[.size] as? Int
        #expect(list.last?["bytes"] as? Int == bytes)
        #expect(try workspace.thalweg("snapshot list s").lines.count == files.count)
        let json = try JSONObject.parse(workspace.thalweg("snapshot inspect s --json").stdout)
        let metadata = try #require(json["metadata"] as? [String: Any])
        #expect(metadata["format"] as? String == "jsonl" && metadata["classes"] as? [String] == ["groupA", "groupB"])
        let position = try #require(metadata["position"] as? [String: Any])
        let part = try #require((position["parts"] as? [[String: Any]])?.first)
        #expect(part["name"] as? String == "s.jsonl" && part["offset"] as? Int == workspace.bytes("s.jsonl").count)
        #expect(position["predictions"] as? Int == workspace.bytes("p").count)
        let tensors = try #require(json["tensors"] as? [[String: Any]])
        #expect(tensors.reduce(0) { $0 + ($1["bytes"] as? Int ?? 0) } > 0)
        #expect(try workspace.thalweg("snapshot inspect s").stdout.contains("learner/"))
        #expect(try workspace.thalweg("snapshot verify s").lines.allSatisfy { $0.hasPrefix("ok") })
    }

    @Test func keepsAsManyAsAsked() throws {
        let workspace = Workspace()
        try workspace.write("s.jsonl", Streams.generate("sea", 1000, .jsonl))
        for keep in [1, 2] {
            let line = Self.line + " --snapshot-every-records 100 --snapshot-keep \(keep)"
            #expect(
                try workspace.thalweg(line.replacingOccurrences(of: "--snapshots s", with: "--snapshots k\(keep)"))
                    .status == 0)
            #expect(workspace.snapshots("k\(keep)").count == keep)
        }
    }

    /// Damage of the newest: told, set aside, the one before it used, and what is lost is learned again.
    @Test(arguments: ["cut", "flip", "empty", "garbage", "longer"])
    func damagedNewest(_ damage: String) throws {
        let workspace = try Self.trained()
        let expected = try workspace.thalweg(Self.line).report().digest
        let predictions = workspace.bytes("p")
        let newest = try #require(workspace.snapshots("s").last)
        try Self.damage(newest, damage)
        let verify = try workspace.thalweg("snapshot verify s")
        #expect(verify.status == 1 && verify.lines.last?.hasPrefix("damaged") == true, "\(verify.stdout)")
        let outcome = try workspace.thalweg(Self.line)
        #expect(outcome.status == 0)
        #expect(try outcome.report().digest == expected)
        #expect(
            outcome.stderr.contains((newest as NSString).lastPathComponent) && outcome.stderr.contains(".corrupt"),
            "\(outcome.stderr)")
        #expect(workspace.names(in: "s").filter { $0.hasSuffix(".corrupt") }.count == 1)
        let isEqual = workspace.bytes("p") == predictions
        #expect(isEqual)
        #expect(try workspace.thalweg("snapshot verify s").status == 0)
    }

    private static func damage(_ path: String, _ kind: String) throws {
        var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        switch kind {
        case "cut": bytes.removeLast(100)
        case "flip": bytes[bytes.count - 77] ^= 4
        case "empty": bytes = []
        case "garbage": bytes = (0..<9000).map { UInt8(truncatingIfNeeded: $0 * 31) }
        default: bytes += [0]
        }
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    /// Every single bit counts: header length, header, padding, tensors. And every length.
    @Test func anyFlippedBitIsDetected() throws {
        let workspace = try Self.trained()
        let good = Array(FileManager.default.contents(atPath: try #require(workspace.snapshots("s").last)) ?? Data())
        let copy = workspace.file("copy.safetensors")
        func isGood(_ bytes: [UInt8]) throws -> Bool {
            try Data(bytes).write(to: URL(fileURLWithPath: copy))
            do throws(SnapshotError) {
                try Snapshot(path: copy).verify()
                return true
            } catch {
                #expect(error.isDamage, "\(error)")
                return false
            }
        }
        #expect(try isGood(good))
        var numbers = SeededNumbers(SeededNumbers.seed("flipped bits"))
        let headerBytes = 8 + good[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        // The 64 bits of the length, then mostly header: small, and the more delicate part.
        let bits =
            Array(0..<64) + (0..<250).map { _ in Int.random(in: 64..<headerBytes * 8, using: &numbers) }
            + (0..<100).map { _ in Int.random(in: headerBytes * 8..<good.count * 8, using: &numbers) }
        for bit in bits {
            var bytes = good
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(try !isGood(bytes), "bit \(bit)")
        }
        for length in [0, 1, 7, 8, 9, headerBytes - 1, headerBytes, good.count - 1] {
            #expect(try !isGood(Array(good[..<length])), "\(length) bytes")
        }
    }

    /// The format version is the only thing in the header a flip may turn into something plausible.
    @Test func flippedVersionIsDamageNotANewerFormat() throws {
        let workspace = try Self.trained()
        let path = try #require(workspace.snapshots("s").last)
        var bytes = Array(FileManager.default.contents(atPath: path) ?? Data())
        let key = Array("\"format_version\":\"1\"".utf8)
        let start = try #require(bytes.indices.first { bytes[$0...].starts(with: key) })
        bytes[start + key.count - 2] ^= 2
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let outcome = try workspace.thalweg(Self.line)
        #expect(outcome.status == 0 && outcome.stderr.contains(".corrupt"), "\(outcome.stderr)")
    }

    @Test func allDamagedBeginsAnew() throws {
        let workspace = try Self.trained()
        let expected = try workspace.thalweg(Self.line).report().digest
        for path in workspace.snapshots("s") { try Self.damage(path, "cut") }
        let outcome = try workspace.thalweg(Self.line)
        #expect(try outcome.report().digest == expected)
        #expect(
            outcome.stderr.split(separator: "\n").filter { $0.contains(".corrupt") }.count >= 2, "\(outcome.stderr)")
    }

    /// Temporary files of a killed process do not stay.
    @Test func leftoversAreRemoved() throws {
        let workspace = try Self.trained()
        try workspace.write("s/.snapshot-0000000000000999.safetensors.1.tmp", "half")
        #expect(try workspace.thalweg(Self.line).status == 0)
        #expect(!workspace.names(in: "s").contains { $0.hasSuffix(".tmp") })
    }

    private static let python = ProcessInfo.processInfo.environment["THALWEG_PYTHON"] ?? "/usr/bin/python3"

    private static var hasSafetensors: Bool {
        (try? Command(python, ["-c", "import safetensors.numpy"], in: Workspace()).wait().status) == 0
    }

    /// The reference implementation reads the same names, types, shapes and numbers.
    @Test(.enabled(if: hasSafetensors, "needs Python with safetensors and numpy; THALWEG_PYTHON names one"))
    func opensInPython() throws {
        let workspace = try Self.trained()
        let path = try #require(workspace.snapshots("s").last)
        try workspace.write(
            "open.py",
            """
            import json, sys
            from safetensors import safe_open
            with safe_open(sys.argv[1], framework="numpy") as file:
                names = sorted(file.keys())
                arrays = {name: file.get_tensor(name) for name in names}
                assert json.loads(file.metadata()["thalweg"])["records"] == \(Self.records)
            print(json.dumps({n: {"shape": list(a.shape), "dtype": str(a.dtype), "bytes": a.nbytes} for n, a in arrays.items()}))
            """)
        let outcome = try Command(Self.python, ["open.py", path], in: workspace).wait()
        #expect(outcome.status == 0, "\(outcome.stderr)")
        let found = try JSONObject.parse(outcome.stdout)
        let snapshot = try Snapshot(path: path)
        #expect(found.count == snapshot.tensors.count && found.count > 4)
        let types = [
            "F32": "float32", "F64": "float64", "I64": "int64", "I32": "int32", "U64": "uint64", "U32": "uint32",
            "U8": "uint8",
        ]
        for tensor in snapshot.tensors {
            let array = try #require(found[tensor.name] as? [String: Any])
            #expect(array["shape"] as? [Int] == tensor.shape && array["bytes"] as? Int == tensor.range.count)
            #expect(array["dtype"] as? String == types[tensor.type.rawValue])
        }
    }
}

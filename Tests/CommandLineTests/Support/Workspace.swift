import Foundation

/// A directory of one test, removed with it.
final class Workspace: Sendable {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "thalweg-test-" + UUID().uuidString
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        // A test may have taken the right to write away.
        for name in [""] + ((try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []) {
            chmod("\(path)/\(name)", 0o755)
        }
        try? FileManager.default.removeItem(atPath: path)
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ name: String, _ text: String) throws { try write(name, Array(text.utf8)) }

    func write(_ name: String, _ bytes: [UInt8]) throws { try Data(bytes).write(to: URL(fileURLWithPath: file(name))) }

    func append(_ name: String, _ text: String) throws { try write(name, bytes(name) + Array(text.utf8)) }

    /// Empty when there is no such file.
    func bytes(_ name: String) -> [UInt8] { FileManager.default.contents(atPath: file(name)).map(Array.init) ?? [] }

    /// Says only whether: the difference of two large files would take long to show.
    func areEqual(_ a: String, _ b: String) -> Bool { bytes(a) == bytes(b) && !bytes(a).isEmpty }

    func text(_ name: String) -> String { String(decoding: bytes(name), as: UTF8.self) }

    func lines(_ name: String) -> [String] { text(name).split(separator: "\n").map(String.init) }

    /// The JSON objects of a JSON Lines file; a line that is none fails the test.
    func objects(_ name: String) throws -> [[String: Any]] { try lines(name).map(JSONObject.parse) }

    func names(in directory: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: file(directory))) ?? []).sorted()
    }

    func snapshots(_ directory: String = "snapshots") -> [String] {
        names(in: directory).filter { $0.hasSuffix(".safetensors") }.map { file("\(directory)/\($0)") }
    }
}

/// JSON read by Foundation: an oracle that is not our own parser.
enum JSONObject {
    struct Failure: Error, CustomStringConvertible { let description: String }

    static func parse(_ text: String) throws -> [String: Any] {
        guard let value = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
            throw Failure(description: "not a JSON object: \(text.prefix(300))")
        }
        return value
    }
}

import Connectors
import Records

/// A source that hands out texts in pieces of a given size, idles in between, and fails or asks to stop at a given read.
final class ScriptedSource: ByteSource {
    let isReplayable = true
    /// Called before each read, with its number from 1.
    var atRead: (Int) throws(ConnectorError) -> Void = { _ in }
    private let parts: [(name: String, bytes: [UInt8])]
    private let piece: Int
    private var known: [PartPosition] = []
    private var next = 0
    private var at = 0
    private(set) var reads = 0

    init(parts: [(name: String, text: String)], piece: Int) {
        self.parts = parts.map { ($0.name, Array($0.text.utf8)) }
        self.piece = piece
    }

    convenience init(_ text: String, piece: Int, failingRead: Int? = nil) {
        self.init(parts: [("script", text)], piece: piece)
        guard let failingRead else { return }
        atRead = { read throws(ConnectorError) in
            if read >= failingRead { throw ConnectorError("the script fails at read \(read)") }
        }
    }

    func open(at positions: [PartPosition]) { known = positions }

    func advance() -> PartPosition? {
        while next < parts.count {
            let part = parts[next]
            next += 1
            let position = known.first { $0.name == part.name } ?? PartPosition(name: part.name)
            if position.isDone, position.offset >= part.bytes.count { continue }
            at = position.offset
            return position
        }
        return nil
    }

    func read(into chunk: Chunk) throws(ConnectorError) -> ReadOutcome {
        reads += 1
        try atRead(reads)
        if reads % 3 == 0 { return .idle }
        let bytes = parts[next - 1].bytes
        guard at < bytes.count else { return .endOfPart }
        let count = min(piece, bytes.count - at, chunk.capacity - chunk.count)
        bytes[at..<at + count].withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
        at += count
        return .bytes
    }

    func fingerprint(limit: Int) -> (digest: String, bytes: Int) { ("", 0) }
    func close() {}
}

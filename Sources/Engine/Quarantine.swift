import Connectors
import JSON
import Records

/// Keeps rejected records as JSON Lines: reason, position, line, raw bytes (as text, and in base64 where they are no
/// text); and counts them over the last 1,000 records.
struct Quarantine {
    static let window = 1000
    private let sink: (any Sink)?
    /// Records and rejected records of the latest batches, 1,000 or a little more in all.
    private var recent: [(records: Int, rejected: Int)] = []
    private(set) var first: String?
    private var lines: [UInt8] = []
    /// The sink, when it takes records one by one, and those it has not taken yet.
    private let messages: (any QuarantineSink)?
    private var unsentRecords: [(record: RejectedRecord, part: String)] = []

    init(sink: (any Sink)?) {
        self.sink = sink
        messages = sink as? any QuarantineSink
    }

    /// Takes in a batch's rejected records; `send` writes them.
    mutating func add(_ batch: RecordBatch, partName: (Int) -> String) {
        recent.append((batch.rows + batch.rejected.count, batch.rejected.count))
        while recent.count > 1, recent.dropFirst().reduce(0, { $0 + $1.records }) >= Self.window {
            recent.removeFirst()
        }
        guard !batch.rejected.isEmpty else { return }
        var writer = JSONWriter()
        defer { if sink != nil, messages == nil { lines += writer.bytes } }
        // The decoder's and those with a target that cannot be, in the order in which they came.
        for record in batch.rejected.sorted(by: Self.isBefore) {
            let name = partName(record.position.part)
            if first == nil { first = "\(name):\(record.position.line): \(record.reason)" }
            if messages != nil {
                unsentRecords.append((record, name))
                continue
            }
            writer.raw("{\"reason\":")
            writer.write(record.reason)
            writer.raw(",\"position\":")
            writer.write("\(name):\(record.position.offset)")
            writer.raw(",\"line\":")
            writer.write(record.position.line)
            writer.raw(",\"raw\":")
            writer.write(String(decoding: record.bytes, as: UTF8.self))
            if String(validating: record.bytes, as: UTF8.self) == nil {
                writer.raw(",\"raw_base64\":")
                writer.write(base64(record.bytes))
            }
            writer.raw("}\n")
        }
    }

    private static func isBefore(_ a: RejectedRecord, _ b: RejectedRecord) -> Bool {
        (a.position.part, a.position.offset) < (b.position.part, b.position.offset)
    }

    /// Hands what was added to the sink. What the sink does not take stays.
    mutating func send() throws(ConnectorError) {
        if let messages {
            while let next = unsentRecords.first {
                try messages.send(next.record, part: next.part)
                unsentRecords.removeFirst()
            }
            return
        }
        try sink?.write(lines)
        lines.removeAll(keepingCapacity: true)
    }

    var unsent: String { String(decoding: lines, as: UTF8.self) }

    /// Whether more than `ratio` of the last 1,000 records was rejected.
    func exceeds(_ ratio: Double) -> Bool {
        let records = recent.reduce(0) { $0 + $1.records }
        let rejected = recent.reduce(0) { $0 + $1.rejected }
        return records >= Self.window && Double(rejected) > ratio * Double(records)
    }
}

/// RFC 4648.
private func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
        let group = bytes[start..<min(start + 3, bytes.count)]
        var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
        bits &= 0xff_ffff
        for position in 0..<4 {
            let digit = Int(bits >> (18 - 6 * UInt32(position)) & 63)
            text.append(position <= group.count ? digits[digit] : UInt8(ascii: "="))
        }
    }
    return String(decoding: text, as: UTF8.self)
}

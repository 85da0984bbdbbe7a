import Records

/// What stands before the first '|' of a line of Vowpal Wabbit's text: label, importance, base and tag.
struct VWFrame {
    private(set) var label = ByteRange.empty
    private(set) var importance = ByteRange.empty
    private(set) var base = ByteRange.empty
    private(set) var tag = ByteRange.empty
    /// Pieces besides the tag.
    private(set) var pieces = 0

    /// - Parameter end: the first '|', or the line's end.
    init(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) {
        var start = start
        var end = end
        var p = start
        while p < end, p.pointee != 0x09 { p += 1 }
        if p < end { start = p + 1 }  // everything up to a tab is a comment
        takeTag(start, &end)
        p = start
        while true {
            while p < end, p.pointee == 0x20 { p += 1 }
            guard p < end else { return }
            let piece = p
            while p < end, p.pointee != 0x20 { p += 1 }
            take(ByteRange(piece, p - piece))
        }
    }

    private mutating func take(_ piece: ByteRange) {
        switch pieces {
        case 0: label = piece
        case 1: importance = piece
        case 2: base = piece
        default: break
        }
        pieces += 1
    }

    /// The last piece is the tag when it touches the bar, or when it begins with an apostrophe, which is not part of it.
    private mutating func takeTag(_ start: UnsafePointer<UInt8>, _ end: inout UnsafePointer<UInt8>) {
        var last = end
        while last > start, last[-1] == 0x20 { last -= 1 }
        var piece = last
        while piece > start, piece[-1] != 0x20 { piece -= 1 }
        guard piece < last else { return }
        let isQuoted = piece.pointee == UInt8(ascii: "'")
        guard isQuoted || last == end else { return }
        end = piece
        if isQuoted { piece += 1 }
        tag = ByteRange(piece, last - piece)
    }

    /// Vowpal Wabbit takes records with such a tag (and one namespace) for commands.
    var tagIsCommand: Bool { tag.buffer.starts(with: "save".utf8) }

    /// Writes target, weight and id of a row. Returns why the record is rejected; nil = it is not.
    func store(_ batch: RecordBatch, _ row: Int, _ task: Task) -> String? {
        batch.ids[row] = tag
        batch.targetTexts[row] = label
        batch.targetNumbers[row] = .nan
        batch.weights[row] = 1
        guard pieces <= (task == .multiclass ? 2 : 3) else {
            return "\(pieces) words before '|', where a label, a weight and a tag may stand"
        }
        if let start = label.start {
            if let number = FeatureNumber.whole(start, start + label.count) {
                batch.targetNumbers[row] = number
                if task == .binary { batch.targetTexts[row] = LabelText.canonical(label, number) }
            } else if task != .multiclass {
                return "label is not a number: \(quoted(label.buffer))"
            }
            // Vowpal Wabbit's own mark of a missing label: the largest float.
            let number = Float(batch.targetNumbers[row])
            if task != .multiclass, number == Float.greatestFiniteMagnitude {
                batch.targetNumbers[row] = .nan
                batch.targetTexts[row] = .empty
            } else if task != .multiclass, !number.isFinite {
                return "label out of range: \(quoted(label.buffer))"
            }
        }
        return storeImportance(batch, row)
    }

    private func storeImportance(_ batch: RecordBatch, _ row: Int) -> String? {
        if let start = importance.start {
            guard let weight = FeatureNumber.whole(start, start + importance.count), weight >= 0,
                weight <= Double(Float.greatestFiniteMagnitude)
            else { return "weight is not a number of at least 0: \(quoted(importance.buffer))" }
            batch.weights[row] = Float(weight)
        }
        if let start = base.start, FeatureNumber.whole(start, start + base.count) != 0 {
            return "a base prediction other than 0 is not supported: \(quoted(base.buffer))"
        }
        return nil
    }
}

/// One spelling for the labels of two classes, so that `1`, `+1` and `1.0` name one class.
enum LabelText {
    static func canonical(_ text: ByteRange, _ number: Double) -> ByteRange {
        if number == 1 { return range("1") }
        if number == -1 { return range("-1") }
        if number == 0 { return range("0") }
        guard let start = text.start, text.count > 1, start.pointee == UInt8(ascii: "+") else { return text }
        return ByteRange(start + 1, text.count - 1)
    }

    private static func range(_ text: StaticString) -> ByteRange { ByteRange(text.utf8Start, text.utf8CodeUnitCount) }
}

import Records

/// What a published version answered to a record that waits for its target, on its way to the learning thread.
///
/// It travels in the record's own line, as its first field: `{"_served":"HEX",...}`; a target of such a record travels as
/// `{"_target":1,...}`. So what is in the inbox says itself what it is, wherever it was kept meanwhile.
struct ServedAnswer: Equatable {
    static let key = "{\"_served\":\""

    var version = 0
    var predictedClass: Int32 = -1
    var known: Int32 = 0
    /// Bit patterns.
    var outputs: [UInt64] = []
    /// As `append(featuresOf:)` makes them.
    var features: [UInt64] = []

    init() {}

    init(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch, known: Int, version: Int) {
        self.version = version
        self.known = Int32(clamping: known)
        predictedClass = predictions.classes[row]
        for output in 0..<predictions.width { outputs.append(predictions.outputs(of: row)[output].bitPattern) }
        self.features.append(featuresOf: row, features)
    }

    /// Reads what `write` wrote. Nil: it is something else.
    init?(hexadecimal text: Slice<UnsafeBufferPointer<UInt8>>) {
        guard text.count % 16 == 0, text.count >= 48 else { return nil }
        var words: [UInt64] = []
        words.reserveCapacity(text.count / 16)
        var word: UInt64 = 0
        for (index, byte) in text.enumerated() {
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            word = word << 4 | UInt64(digit)
            if index % 16 == 15 { words.append(word) }
        }
        guard words[2] <= UInt64(words.count - 3) else { return nil }
        version = Int(truncatingIfNeeded: words[0])
        predictedClass = Int32(truncatingIfNeeded: words[1])
        known = Int32(truncatingIfNeeded: words[1] >> 32)
        outputs = Array(words[3..<3 + Int(words[2])])
        features = Array(words[(3 + Int(words[2]))...])
    }

    /// Writes a record's line with the answer in it.
    ///
    /// - Parameter record: a JSON object.
    func write(_ record: UnsafeBufferPointer<UInt8>, into line: inout [UInt8]) {
        line += Self.key.utf8
        let classes = UInt64(UInt32(bitPattern: predictedClass)) | UInt64(UInt32(bitPattern: known)) << 32
        for word in [UInt64(bitPattern: Int64(version)), classes, UInt64(outputs.count)] + outputs + features {
            for shift in stride(from: 60, through: 0, by: -4) {
                let digit = UInt8(truncatingIfNeeded: word >> UInt64(shift) & 15)
                line.append(digit < 10 ? 0x30 + digit : 0x61 + digit - 10)
            }
        }
        line += "\",".utf8
        let body = record.drop { $0 != UInt8(ascii: "{") }.dropFirst()
        line += body
    }
}

/// What a line in the inbox is, where it is no record with its target.
enum RequestMark: Equatable {
    case served(ServedAnswer)
    case target

    static let targetKey = "{\"_target\":"

    init?(_ line: UnsafeBufferPointer<UInt8>) {
        if line.starts(with: Self.targetKey.utf8) {
            self = .target
        } else if line.starts(with: ServedAnswer.key.utf8) {
            let text = line.dropFirst(ServedAnswer.key.utf8.count).prefix { $0 != UInt8(ascii: "\"") }
            guard let answer = ServedAnswer(hexadecimal: text) else { return nil }
            self = .served(answer)
        } else {
            return nil
        }
    }
}

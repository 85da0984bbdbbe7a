/// Takes the values of one ARFF record, in attribute order.
protocol ARFFRowVisitor {
    /// Takes a number in its usual form at `start`; returns its end, nil = read it as a value.
    mutating func takeNumber(_ attribute: Int, at start: UnsafePointer<UInt8>) -> UnsafePointer<UInt8>?
    /// Returns why the record is rejected; nil = it is not.
    mutating func take(_ attribute: Int, _ value: ARFFValue) -> String?
    /// A sparse record says nothing of an attribute: 0, or the first of its values.
    mutating func takeAbsent(_ attribute: Int)
    mutating func takeWeight(_ weight: ARFFValue) -> String?
}

/// Reads one data line of an ARFF file.
enum ARFFRow {
    /// Reads the record at `scan.at`, where no blank stands. Returns why it is rejected; nil = it is not.
    @inline(__always)
    static func read<Visitor: ARFFRowVisitor>(
        _ scan: inout ARFFScanner, attributes: Int, _ visitor: inout Visitor
    ) -> String? {
        if scan.at.pointee == UInt8(ascii: "{") { return readSparse(&scan, attributes, &visitor) }
        for attribute in 0..<attributes {
            if let end = visitor.takeNumber(attribute, at: scan.at) {
                scan.at = end
            } else if let failure = readValue(&scan, attribute, attributes, &visitor) {
                return failure
            }
            // The usual separator is a comma alone.
            if scan.at.pointee == UInt8(ascii: ",") { scan.at += 1 }
            if scan.at.pointee <= 0x20 { skipSeparator(&scan) }
        }
        return scan.at.pointee == UInt8(ascii: "\n") ? nil : readEnd(&scan, attributes, &visitor)
    }

    /// Skips blanks and, unless one was skipped before them, a comma among them.
    @inline(never)
    private static func skipSeparator(_ scan: inout ARFFScanner) {
        let hadComma = scan.at[-1] == UInt8(ascii: ",")
        scan.skipBlanks()
        guard !hadComma, scan.at.pointee == UInt8(ascii: ",") else { return }
        scan.at += 1
        scan.skipBlanks()
    }

    @inline(never)
    private static func readValue<Visitor: ARFFRowVisitor>(
        _ scan: inout ARFFScanner, _ attribute: Int, _ attributes: Int, _ visitor: inout Visitor
    ) -> String? {
        switch scan.at.pointee {
        case UInt8(ascii: "\n"), UInt8(ascii: "%"), UInt8(ascii: "{"):
            return "\(attribute) values where the header declares \(attributes) attributes"
        case UInt8(ascii: ","): return "an empty value (a missing one is written '?')"
        case UInt8(ascii: "}"): return "'}' in a value without quotes"
        default: break
        }
        guard let value = scan.readValue() else { return "quoted value without an end" }
        if value.isQuoted, let failure = checkQuotedEnd(scan) { return failure }
        return visitor.take(attribute, value)
    }

    /// Behind a quoted value stands a separator.
    private static func checkQuotedEnd(_ scan: ARFFScanner) -> String? {
        switch scan.at.pointee {
        case 0x20, 0x09, 0x0d, UInt8(ascii: "\n"), UInt8(ascii: ","), UInt8(ascii: "%"), UInt8(ascii: "}"): nil
        default: "text after a quoted value"
        }
    }

    /// Reads what may stand after the last value: a weight in braces, a comment.
    @inline(never)
    private static func readEnd<Visitor: ARFFRowVisitor>(
        _ scan: inout ARFFScanner, _ attributes: Int, _ visitor: inout Visitor
    ) -> String? {
        if scan.isAtEnd { return nil }
        guard scan.at.pointee == UInt8(ascii: "{") else {
            return "more values than the header's \(attributes) attributes (values with blanks need quotes)"
        }
        scan.at += 1
        scan.skipBlanks()
        guard let weight = scan.readValue(), weight.count > 0 else { return "no weight in the braces at the end" }
        scan.skipBlanks()
        guard scan.at.pointee == UInt8(ascii: "}") else { return "more than a weight in the braces at the end" }
        scan.at += 1
        scan.skipBlanks()
        if scan.at.pointee == UInt8(ascii: ",") { scan.at += 1 }
        scan.skipBlanks()
        return scan.isAtEnd ? visitor.takeWeight(weight) : "text after the weight"
    }

    /// Reads `{index value, index value}`, indices ascending from 0.
    @inline(never)
    private static func readSparse<Visitor: ARFFRowVisitor>(
        _ scan: inout ARFFScanner, _ attributes: Int, _ visitor: inout Visitor
    ) -> String? {
        scan.at += 1
        var next = 0
        while true {
            scan.skipBlanks()
            if scan.at.pointee == UInt8(ascii: "}") { break }
            guard let index = readIndex(&scan) else {
                return "a sparse record that is not of the form {index value, ...}"
            }
            guard index < attributes else {
                return "index \(index) where the header declares \(attributes) attributes (the first has index 0)"
            }
            guard index >= next else { return "index \(index) after \(next - 1): indices must ascend" }
            for absent in next..<index { visitor.takeAbsent(absent) }
            next = index + 1
            if scan.at.pointee == UInt8(ascii: "}") || scan.isAtEnd { return "index \(index) without a value" }
            if let failure = readValue(&scan, index, attributes, &visitor) { return failure }
            scan.skipBlanks()
            if scan.at.pointee == UInt8(ascii: ",") { scan.at += 1 }
        }
        for absent in next..<attributes { visitor.takeAbsent(absent) }
        scan.at += 1
        scan.skipBlanks()
        if scan.at.pointee == UInt8(ascii: ",") { scan.at += 1 }
        scan.skipBlanks()
        return readEnd(&scan, attributes, &visitor)
    }

    /// Reads an index and the blanks after it; nil = there is none.
    private static func readIndex(_ scan: inout ARFFScanner) -> Int? {
        let start = scan.at
        var index = 0
        while scan.at.pointee &- UInt8(ascii: "0") <= 9, scan.at - start < 9 {
            index = index * 10 + Int(scan.at.pointee &- UInt8(ascii: "0"))
            scan.at += 1
        }
        guard scan.at > start, scan.at.pointee == 0x20 || scan.at.pointee == 0x09 else { return nil }
        scan.skipBlanks()
        return index
    }
}

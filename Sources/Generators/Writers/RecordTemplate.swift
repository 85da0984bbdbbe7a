/// The recipe by which a writer turns values into text, made once from the columns.
///
/// All formats have the same inner loop: for each column some fixed bytes, then the value. The fixed bytes and the
/// texts of all categories lie in one pool, and the steps are plain values, so that rendering a record allocates
/// nothing and counts no references.
struct RecordTemplate: Sendable {
    /// How a value becomes text.
    enum Rendering: UInt8, Sendable {
        /// As the shortest decimal.
        case number
        /// As a number, but a zero leaves out the whole column.
        case numberUnlessZero
        /// As the text of the category, from the pool.
        case category
        /// As eight hexadecimal digits.
        case hexadecimal
        /// As a constant plus the code.
        case offsetCode
        /// Not at all: the fixed bytes stand alone.
        case nothing
    }

    fileprivate struct Piece {
        var start: Int
        var count: Int
    }

    private struct Step {
        var rendering: Rendering
        /// Which value of the record.
        var column: Int
        var before: Piece
        /// Follows the value; hexadecimal digits it also precedes, being their quotation mark.
        var after: Piece
        /// The first category's place in `categories`, and their number; the number of codes for codes.
        var firstCategory: Int
        var count: Int
        /// The salt of hexadecimal digits, or the constant added to a code.
        var constant: UInt64
    }

    /// A sign, 17 digits, a point, leading zeros or an exponent all fit.
    private static let longestNumber = DecimalText.capacity

    /// What stands for a missing value; nil leaves out the column, its fixed bytes too.
    private let missing: [UInt8]?
    private let lineEnd: [UInt8]
    private var pool: [UInt8] = []
    private var categories: [Piece] = []
    private var steps: [Step] = []
    private var columnCount = 0
    private var longestLine: Int
    private var scratch: [UInt8] = []

    init(missing: String?, lineEnd: String = "\n") {
        self.missing = missing.map { Array($0.utf8) }
        self.lineEnd = Array(lineEnd.utf8)
        longestLine = self.lineEnd.count
    }

    private mutating func piece(_ text: String) -> Piece {
        let start = pool.count
        pool.append(contentsOf: text.utf8)
        return Piece(start: start, count: pool.count - start)
    }

    /// Adds a column that is a number.
    mutating func addNumber(column: Int, before: String, skipZero: Bool = false) {
        add(skipZero ? .numberUnlessZero : .number, column, before: before, longest: Self.longestNumber)
    }

    /// Adds a column that is one of these texts.
    mutating func addCategory(column: Int, before: String, texts: [String]) {
        let first = categories.count
        // A category's text includes the fixed bytes before it, so that one copy does both.
        for text in texts { categories.append(piece(before + text)) }
        let longest = categories[first...].map(\.count).max() ?? 0
        add(.category, column, before: before, longest: longest, firstCategory: first, count: texts.count)
    }

    /// Adds text that is the same in all records.
    mutating func addFixed(_ text: String) {
        // No column is read, but a step needs one.
        add(.nothing, 0, before: text, longest: 0)
    }

    /// Adds a column of codes, shown as hexadecimal digits between quotation marks (which may be empty).
    mutating func addHexadecimal(column: Int, before: String, quote: String = "", cardinality: Int, salt: UInt32) {
        add(
            .hexadecimal, column, before: before, after: quote, longest: 8 + quote.utf8.count, count: cardinality,
            constant: UInt64(salt))
    }

    /// Adds a column of codes, shown as decimal numbers that start at a constant.
    mutating func addOffsetCode(column: Int, before: String, after: String, cardinality: Int, first: Int) {
        add(
            .offsetCode, column, before: before, after: after, longest: Self.longestNumber, count: cardinality,
            constant: UInt64(first))
    }

    private mutating func add(
        _ rendering: Rendering, _ column: Int, before: String, after: String = "", longest: Int,
        firstCategory: Int = 0, count: Int = 0, constant: UInt64 = 0
    ) {
        let before = piece(before)
        let after = piece(after)
        steps.append(
            Step(
                rendering: rendering, column: column, before: before, after: after, firstCategory: firstCategory,
                count: count, constant: constant))
        columnCount = max(columnCount, column + 1)
        longestLine += before.count + after.count + longest + (missing?.count ?? 0)
        scratch = [UInt8](repeating: 0, count: longestLine)
    }

    /// Appends a record.
    mutating func render(_ record: UnsafeBufferPointer<Double>, into bytes: inout [UInt8]) {
        precondition(!steps.isEmpty, "a writer needs the header before the first record")
        precondition(record.count >= columnCount, "the record has fewer values than the header has columns")
        // Copies of the references: the closures below must not touch `self` while its scratch is borrowed.
        let (pool, steps, categories, missing, lineEnd) = (pool, steps, categories, missing, lineEnd)
        scratch.withUnsafeMutableBufferPointer { scratch in
            guard let start = scratch.baseAddress else { return }
            var output = ByteCursor(at: start)
            pool.withUnsafeBufferPointer { pool in
                steps.withUnsafeBufferPointer { steps in
                    for step in steps {
                        let value = record[step.column]
                        if value.isFinite || step.rendering == .nothing {
                            Self.render(step, value, categories, pool, &output)
                        } else {
                            Self.renderMissing(step, missing, pool, &output)
                        }
                    }
                }
            }
            for byte in lineEnd { output.put(byte) }
            bytes.append(contentsOf: UnsafeBufferPointer(start: start, count: output.position - start))
        }
    }

    @inline(__always)
    private static func render(
        _ step: Step, _ value: Double, _ categories: [Piece], _ pool: UnsafeBufferPointer<UInt8>,
        _ output: inout ByteCursor
    ) {
        switch step.rendering {
        case .category:
            output.put(pool, categories[step.firstCategory + index(value, below: step.count)])
        case .number:
            output.put(pool, step.before)
            output.position = DecimalText.write(value, to: output.position)
        case .numberUnlessZero:
            if value == 0 { return }
            output.put(pool, step.before)
            output.position = DecimalText.write(value, to: output.position)
        case .hexadecimal:
            output.put(pool, step.before)
            output.put(pool, step.after)
            let code = UInt32(index(value, below: step.count))
            output.putHexadecimal(GeneratedField.codeBits(code, salt: UInt32(step.constant)))
            output.put(pool, step.after)
        case .nothing:
            output.put(pool, step.before)
        case .offsetCode:
            output.put(pool, step.before)
            let code = step.constant + UInt64(index(value, below: step.count))
            output.position = DecimalText.write(integer: code, to: output.position)
            output.put(pool, step.after)
        }
    }

    private static func renderMissing(
        _ step: Step, _ missing: [UInt8]?, _ pool: UnsafeBufferPointer<UInt8>, _ output: inout ByteCursor
    ) {
        guard let missing else { return }
        output.put(pool, step.before)
        for byte in missing { output.put(byte) }
    }

    @inline(__always)
    private static func index(_ value: Double, below count: Int) -> Int {
        precondition(value >= 0 && value < Double(count), "a categorical value is not the index of a category")
        return Int(value)
    }
}

/// A place in a buffer that is known to be large enough.
private struct ByteCursor {
    var position: UnsafeMutablePointer<UInt8>

    init(at position: UnsafeMutablePointer<UInt8>) {
        self.position = position
    }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        position.pointee = byte
        position += 1
    }

    @inline(__always)
    mutating func put(_ pool: UnsafeBufferPointer<UInt8>, _ piece: RecordTemplate.Piece) {
        // Most pieces are a separator or a few letters, for which a loop is faster than a call to copy memory.
        for i in piece.start..<piece.start + piece.count { put(pool[i]) }
    }

    /// Eight hexadecimal digits, computed all at once: the nibbles are spread over the bytes of a 64-bit integer.
    @inline(__always)
    mutating func putHexadecimal(_ bits: UInt32) {
        var nibbles = UInt64(bits)
        nibbles = (nibbles | nibbles << 16) & 0x0000_FFFF_0000_FFFF
        nibbles = (nibbles | nibbles << 8) & 0x00FF_00FF_00FF_00FF
        nibbles = (nibbles | nibbles << 4) & 0x0F0F_0F0F_0F0F_0F0F
        // Adding 6 carries into bit 4 exactly for 10 to 15, which need 39 more than the digits to become a to f.
        let letters = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        let digits = nibbles &+ 0x3030_3030_3030_3030 &+ letters &* 39
        UnsafeMutableRawPointer(position).storeBytes(of: digits.bigEndian, as: UInt64.self)
        position += 8
    }
}

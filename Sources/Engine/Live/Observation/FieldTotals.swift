import Records

/// Totals of the first columns since the run began: what is missing, ranges, means, and how many different categories
/// there are. Of every record at first, later of a few neighbours now and then: a fast learner takes a microsecond a
/// record, and a column that was decoded by another core costs as much again to fetch.
struct FieldTotals {
    /// More columns of either kind are not watched.
    static let maximumColumns = 128
    /// Records that are all counted; after them as many neighbours as a block has, whenever so many records have passed.
    static let exactRecords = 20_000
    static let blockRows = 16
    static let blockDistance = 1024
    /// Records after which a new category counts as unseen: as many as the schema is inferred from.
    static let knownRecords = 1000

    struct Number: Sendable {
        var present = 0
        var sum = 0.0
        var low = Double.infinity
        var high = -Double.infinity

        /// Nil: no value yet, or values too large to add up.
        var mean: Double? {
            let mean = sum / Double(present)
            return present > 0 && mean.isFinite ? mean : nil
        }
    }

    struct Category: Sendable {
        var present = 0
        /// Marks set in the column's map.
        var marks = 0
        /// The same when the first records had passed.
        var knownMarks = 0

        /// Different values.
        var distinct: Int { FieldTotals.distinct(marks) }
        /// Different values that the first records did not have.
        var unseen: Int { max(0, distinct - FieldTotals.distinct(knownMarks)) }
    }

    /// Records counted.
    private(set) var rows = 0
    /// Records since the last block.
    private var passed = 0
    private var blocks = 0
    private(set) var numbers: [Number]
    private(set) var categories: [Category]
    /// A bit for each value's hash, so many a column.
    private var marks: [UInt64]
    private static let bits = 14

    init(numbers: Int, categories: Int) {
        self.numbers = Array(repeating: Number(), count: min(numbers, Self.maximumColumns))
        self.categories = Array(repeating: Category(), count: min(categories, Self.maximumColumns))
        marks = Array(repeating: 0, count: self.categories.count << (Self.bits - 6))
    }

    /// Linear counting (Whang, Vander-Zanden and Taylor 1990): how many values leave so many marks. Within 3 % up to
    /// 100,000 values; more than 159,000 cannot be told apart.
    private static func distinct(_ marks: Int) -> Int {
        let size = Double(1 << bits)
        let free = max(1, size - Double(marks))
        return Int((size * logarithm(size / free)).rounded())
    }

    /// The rows of a batch that are to be counted; the others pass.
    mutating func block(of rows: Int) -> Range<Int> {
        guard self.rows >= Self.exactRecords, rows > Self.blockRows else { return 0..<rows }
        passed += rows
        guard passed >= Self.blockDistance else { return 0..<0 }
        passed = 0
        // Not always the first ones: a batch may begin with what a source's part begins with.
        let first = (blocks &* Self.blockRows & 0xffff) % (rows - Self.blockRows + 1)
        blocks &+= 1
        return first..<first + Self.blockRows
    }

    mutating func add(_ batch: RecordBatch, _ block: Range<Int>) {
        let (first, count) = (block.lowerBound, block.count)
        rows += count
        for column in numbers.indices {
            Self.add(batch.numbers + column * batch.columnStride + first, count, to: &numbers[column])
        }
        let isKnown = rows <= Self.knownRecords
        marks.withUnsafeMutableBufferPointer { marks in
            guard let base = marks.baseAddress else { return }
            for column in categories.indices {
                let map = base + column << (Self.bits - 6)
                Self.mark(batch.categories + column * batch.columnStride + first, count, map, &categories[column])
                if isKnown { categories[column].knownMarks = categories[column].marks }
            }
        }
    }

    /// Four values at a time; what is missing is NaN and compares as false.
    private static func add(_ values: UnsafePointer<Double>, _ rows: Int, to total: inout Number) {
        typealias Lanes = SIMD4<Double>
        var low = Lanes(repeating: .infinity)
        var high = Lanes(repeating: -.infinity)
        var sum = Lanes.zero
        var present = SIMD4<Int64>.zero
        let whole = rows & ~3
        for row in stride(from: 0, to: whole, by: 4) {
            let lanes = UnsafeRawPointer(values + row).loadUnaligned(as: Lanes.self)
            let isThere = lanes .== lanes
            low.replace(with: lanes, where: lanes .< low)
            high.replace(with: lanes, where: lanes .> high)
            sum += Lanes.zero.replacing(with: lanes, where: isThere)
            present &+= SIMD4<Int64>.zero.replacing(with: 1, where: isThere)
        }
        total.present += Int(present.wrappedSum())
        total.sum += sum.sum()
        total.low = min(total.low, low.min())
        total.high = max(total.high, high.max())
        for row in whole..<rows where !values[row].isNaN {
            total.present += 1
            total.sum += values[row]
            total.low = min(total.low, values[row])
            total.high = max(total.high, values[row])
        }
    }

    private static func mark(
        _ hashes: UnsafePointer<UInt64>, _ rows: Int, _ map: UnsafeMutablePointer<UInt64>, _ total: inout Category
    ) {
        var present = 0
        var new = 0
        for row in 0..<rows {
            let hash = hashes[row]
            if hash == 0 { continue }
            present &+= 1
            // The top bits of a product with an odd constant: some hashes are short.
            let slot = Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15) &>> UInt64(64 &- bits))
            let bit: UInt64 = 1 &<< UInt64(truncatingIfNeeded: slot & 63)
            let word = map + slot &>> 6
            if word.pointee & bit == 0 {
                word.pointee |= bit
                new &+= 1
            }
        }
        total.present += present
        total.marks += new
    }
}

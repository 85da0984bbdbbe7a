import Records

/// What the records of a run have in one field.
public struct FieldSummary: Sendable {
    public let name: String
    public let role: FieldRole
    /// The share of the counted records without it, 0 to 1.
    public let missing: Double?
    /// Of numbers: the range and the mean of the values counted.
    public let low: Double?
    public let high: Double?
    public let mean: Double?
    /// Of numbers: how the latest samples are spread. Of categories: how often each of the most frequent ones came.
    public let histogram: [Int]
    /// Of categories: how many there are (an estimate where there are many).
    public let distinct: Int?
    /// Of categories: those that the run's first 1,000 records did not have.
    public let unseen: Int?
}

/// Where a field's values stand in a batch.
struct FieldColumns {
    let field: Field
    var number: Int?
    var category: Int?

    /// The fields whose columns are watched, in the schema's order.
    static func all(_ schema: Schema) -> [FieldColumns] {
        var (numbers, categories) = (0, 0)
        var found: [FieldColumns] = []
        for field in schema.fields {
            var columns = FieldColumns(field: field)
            if field.role == .numeric || field.role == .both {
                columns.number = numbers < FieldTotals.maximumColumns ? numbers : nil
                numbers += 1
            }
            if field.role == .categorical || field.role == .both {
                columns.category = categories < FieldTotals.maximumColumns ? categories : nil
                categories += 1
            }
            if columns.number != nil || columns.category != nil { found.append(columns) }
        }
        return found
    }
}

/// Summaries of fields from totals and from samples: rows of the watched numbers, then the watched categories.
struct FieldStatistics {
    /// Bytes and number of samples kept; once so many are there, one of each block that is counted.
    static let maximumBytes = 1 << 20
    static let maximumSamples = 1024
    private static let bins = 24
    private static let topCategories = 12

    /// Writes a row of the watched columns.
    @inline(__always)
    static func write(_ place: UnsafeMutablePointer<UInt64>, _ row: Int, _ totals: FieldTotals, _ batch: RecordBatch) {
        let (numbers, categories) = (totals.numbers.count, totals.categories.count)
        for column in 0..<numbers {
            place[column] = batch.numbers[column &* batch.columnStride &+ row].bitPattern
        }
        for column in 0..<categories {
            place[numbers &+ column] = batch.categories[column &* batch.columnStride &+ row]
        }
    }

    private let rows: Int
    private let numbers: [FieldTotals.Number]
    private let categories: [FieldTotals.Category]
    private let samples: SampleRing

    init(rows: Int, numbers: [FieldTotals.Number], categories: [FieldTotals.Category], samples: SampleRing) {
        self.rows = rows
        self.numbers = numbers
        self.categories = categories
        self.samples = samples
    }

    func summary(_ columns: FieldColumns) -> FieldSummary {
        let number = columns.number.map { numbers[$0] }
        let category = columns.category.map { categories[$0] }
        let present = number?.present ?? category?.present ?? 0
        let hasValues = (number?.present ?? 0) > 0
        return FieldSummary(
            name: columns.field.name, role: columns.field.role,
            missing: rows > 0 ? 1 - Double(present) / Double(rows) : nil, low: hasValues ? number?.low : nil,
            high: hasValues ? number?.high : nil, mean: number?.mean,
            histogram: columns.number.map(spread) ?? columns.category.map(frequencies) ?? [],
            distinct: category?.distinct, unseen: category?.unseen)
    }

    private func spread(_ column: Int) -> [Int] {
        let values = (0..<samples.count).map { Double(bitPattern: samples.sample($0)[column]) }.filter(\.isFinite)
        return Distribution(of: values, bins: Self.bins)?.counts ?? []
    }

    private func frequencies(_ column: Int) -> [Int] {
        var counts: [UInt64: Int] = [:]
        for age in 0..<samples.count {
            let hash = samples.sample(age)[numbers.count + column]
            if hash != 0 { counts[hash, default: 0] += 1 }
        }
        return Array(counts.values.sorted(by: >).prefix(Self.topCategories))
    }
}

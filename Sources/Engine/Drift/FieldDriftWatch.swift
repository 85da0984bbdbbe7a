import Components
import Drift
import Records
import State

/// Watches the distribution of every number and category of the records, as they came.
final class FieldDriftWatch: Stateful {
    /// More fields are not watched.
    static let maximumFields = 1024

    let test: DistributionTest
    /// Names of the watched fields, numbers first.
    let fields: [String]
    private let numbers: Int
    /// Columns of the watched categories.
    private let categories: [Int]
    private let windows: DistributionDrift
    let events = DriftLog()
    /// Drifts of each field.
    private let counts: StateArray<Int64>
    private var codes: [Double] = []

    /// Nil: nothing is to be watched.
    init?(_ configuration: Configuration, _ schema: Schema) throws(SettingError) {
        guard let specification = configuration.featureDrift else { return nil }
        test = try Self.test(specification)
        guard !schema.isFeatureNative else {
            throw SettingError(
                "--feature-drift watches fields; VW text and LIBSVM bring features. Give it JSON, CSV or ARFF")
        }
        let numbers = schema.fields(.numeric, .both).map(\.name).prefix(Self.maximumFields)
        let columns = schema.fields(.categorical, .both)
        // What is both is watched as a number.
        categories = Array(
            columns.indices.filter { columns[$0].role == .categorical }.prefix(Self.maximumFields - numbers.count))
        fields = numbers + categories.map { columns[$0].name }
        self.numbers = numbers.count
        windows = DistributionDrift(
            test, try Hyperparameters(test.descriptor, given: specification.fields),
            isNominal: fields.indices.map { $0 >= numbers.count })
        counts = StateArray(count: fields.count)
    }

    static func test(_ specification: ComponentSpecification) throws(SettingError) -> DistributionTest {
        if let found = DistributionTest(rawValue: specification.name) { return found }
        throw SettingError(
            "--feature-drift: there is no test '\(specification.name)'"
                + didYouMean(specification.name, DistributionTest.allCases.map(\.rawValue)))
    }

    var state: [StateEntry] {
        windows.state.prefixed("windows") + events.state.prefixed("events") + [StateEntry("counts", counts)]
    }

    /// Drifts of each field that had any.
    var totals: [(field: String, count: Int)] {
        fields.indices.filter { counts[$0] > 0 }.map { (fields[$0], Int(counts[$0])) }
    }

    /// Takes a batch of records as they came.
    ///
    /// - Parameters:
    ///   - before: records until then.
    ///   - report: told of each field that changed.
    func add(_ batch: RecordBatch, before: Int, report: (DriftEvent) -> Void) {
        var row = 0
        while row < batch.rows {
            let count = min(windows.rowsLeft, batch.rows - row)
            for column in 0..<numbers {
                windows.add(batch.numbers + column * batch.columnStride + row, count, column: column)
            }
            for (index, column) in categories.enumerated() {
                addCategories(batch.categories + column * batch.columnStride + row, count, numbers + index)
            }
            row += count
            windows.advance(count) { column, statistic, _ in
                events.add(record: before + row, field: column, statistic: statistic)
                counts[column] += 1
                report(DriftEvent(record: before + row, field: column, statistic: statistic))
            }
        }
    }

    private func addCategories(_ hashes: UnsafePointer<UInt64>, _ count: Int, _ column: Int) {
        if codes.count < count { codes = Array(repeating: 0, count: count) }
        codes.withUnsafeMutableBufferPointer { codes in
            guard let codes = codes.baseAddress else { return }
            // 0 = missing. 52 bits of a hash are a number.
            for row in 0..<count { codes[row] = hashes[row] == 0 ? .nan : Double(hashes[row] >> 12) }
            windows.add(codes, count, column: column)
        }
    }
}

import Components
import State

/// Numbers a field's categories in the order they appear, from 1: new fields NAME_ordinal; 0 = not known, or no more
/// room; missing for a missing category (River's OrdinalEncoder).
final class OrdinalEncode: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "ordinal-encode", "categories as numbers in order of appearance",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the categorical fields"),
                HyperparameterField("keys", .integer(1...1 << 24), default: "65536", "categories of one field at most"),
            ])
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.categories(parameters["fields"], "ordinal-encode")
        var made: [Int] = []
        for column in columns { made.append(try layout.addNumber(layout.categoryNames[column] + "_ordinal")) }
        return OrdinalEncode(columns: columns, made: made, keys: parameters.integer("keys"))
    }

    private let columns: [Int]
    private let made: [Int]
    private let tables: [KeyedSlots]

    init(columns: [Int], made: [Int], keys: Int) {
        self.columns = columns
        self.made = made
        tables = columns.map { _ in KeyedSlots(capacity: keys) }
    }

    var state: [StateEntry] {
        tables.enumerated().flatMap { place, table in table.state.prefixed("\(place)") }
    }

    func process(_ records: RecordView) {
        for (place, column) in columns.enumerated() {
            let table = tables[place]
            for row in 0..<records.batch.rows {
                let category = records.category(column, row)
                let known = table.find(category)
                records.setNumber(made[place], row, category == 0 ? .nan : known.map { Double($0 + 1) } ?? 0)
                if known == nil, category != 0, records.isLearned(row), table.used < table.capacity {
                    _ = table.use(category)
                }
            }
        }
    }
}

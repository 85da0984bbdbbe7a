import Components
import Records

/// A product of fields as one feature: numbers multiply, categories combine.
public struct FieldCross: Sendable, Equatable {
    enum Member: Sendable, Equatable {
        case number(column: Int, salt: UInt64)
        case category(column: Int, salt: UInt64)
    }

    let members: [Member]

    /// Resolves `A,B` (also more names) against a schema; `*` stands for every feature field, `a*` for those that
    /// begin with a.
    ///
    /// - Throws: when a name is no feature field.
    public static func resolve(_ specification: String, in schema: Schema) throws(SettingError) -> [FieldCross] {
        let names = specification.split(separator: ",").map(String.init)
        guard names.count >= 2 else {
            throw SettingError("--cross takes at least two field names, as in --cross A,B; got '\(specification)'")
        }
        let fields = schema.fields(.numeric, .categorical, .both).map(\.name)
        var combinations: [[String]] = [[]]
        for name in names {
            let choices = fields.filter { FieldLayout.matches($0, name) }
            guard !choices.isEmpty || name == "*" else {
                throw SettingError("--cross: there is no feature field '\(name)'" + didYouMean(name, fields))
            }
            combinations = combinations.flatMap { chosen in choices.map { chosen + [$0] } }
        }
        var seen: Set<[String]> = []
        return combinations.compactMap { combination in
            // One feature for each set of different fields, whatever the order a wildcard brings them in.
            guard Set(combination).count == combination.count, seen.insert(combination.sorted()).inserted else {
                return nil
            }
            return FieldCross(members: combination.map { member($0, schema) })
        }
    }

    private static func member(_ name: String, _ schema: Schema) -> Member {
        if let column = schema.fields(.categorical, .both).firstIndex(where: { $0.name == name }) {
            return .category(column: column, salt: categorySalt(name))
        }
        let column = schema.fields(.numeric, .both).firstIndex { $0.name == name } ?? 0
        return .number(column: column, salt: categorySalt(name))
    }
}

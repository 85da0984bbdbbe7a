import Records

/// What a person said about the fields; everything else is inferred.
public struct SchemaOptions: Sendable, Equatable {
    public var target: String?
    /// Targets beyond the first.
    public var furtherTargets: [String] = []
    /// Nil = from the target's values.
    public var task: Task?
    /// The positive class of a binary task.
    public var positive: String?
    public var ignored: [String] = []
    public var numeric: [String] = []
    public var categorical: [String] = []
    public var text: [String] = []
    public var id: String?
    public var weight: String?
    public var time: String?
    /// False: a number column is never also a category (as with the peers' presets).
    public var infersCategoriesFromNumbers = true
    /// True: the sampled classes are the classes, in label order; else classes get their index as they appear.
    public var declaresClasses = false

    public init() {}

    /// All of them, in the order of the outputs.
    public var targets: [String] { (target.map { [$0] } ?? []) + furtherTargets }

    /// As in `a,b,c`; nil: none is named.
    public var targetText: String? {
        get { target == nil ? nil : targets.joined(separator: ",") }
        set {
            // A lone name is taken as it is.
            let names = newValue?.split(separator: ",").map(String.init) ?? []
            target = names.first
            furtherTargets = Array(names.dropFirst())
        }
    }
}

/// Fixes a schema from the first records of a stream.
public enum SchemaInference {
    /// Records looked at.
    public static let sampleSize = 1000

    /// Field names that carry a role without being told, as other tools write them.
    private static let reserved: [String: FieldRole] = [
        "_id": .id, "_ts": .time, "_weight": .weight, "_tag": .id, "_label": .target,
    ]

    /// - Throws: when a field that was named does not exist, or the target cannot be what it should.
    public static func infer(_ sample: Sample, _ options: SchemaOptions) throws(FormatError) -> Schema {
        let target = options.target ?? (sample.names.contains("_label") ? "_label" : nil)
        try checkNames(sample, options)
        var fields: [Field] = []
        for name in sample.names {
            let role = role(of: name, sample, options, target: target)
            fields.append(Field(name, role, values: role == .categorical ? sample.declaredClasses[name] ?? [] : []))
        }
        if let asked = options.task, asked != sample.declaredTask, asked == .bandit || sample.declaredTask != nil {
            throw FormatError(
                "--task \(asked.rawValue): logged decisions (--format dsjson) and the task bandit go together")
        }
        guard let target else {
            return Schema(fields: fields, task: options.task ?? sample.declaredTask ?? .regression)
        }
        let values = withoutStrays(sample.values[target] ?? []).filter { $0 != .missing }
        let declared = sample.declaredClasses[target]
        let task =
            options.task ?? sample.declaredTask ?? declared.map { $0.count <= 2 ? .binary : .multiclass }
            ?? self.task(of: values)
        let classes = try self.classes(task, values, declared, options)
        return Schema(fields: fields, task: task, classes: classes)
    }

    private static func checkNames(_ sample: Sample, _ options: SchemaOptions) throws(FormatError) {
        let named =
            [options.target, options.id, options.weight, options.time].compactMap { $0 } + options.numeric
            + options.categorical + options.text + options.ignored
        for name in named where !sample.names.contains(name) {
            // In JSON a field may appear later; but not one of a whole sample's records having the target is an error.
            guard sample.records > 0 else { continue }
            let shown = sample.names.prefix(12).joined(separator: ", ")
            throw FormatError(
                "there is no field '\(name)' in the first \(sample.records) records; there are: \(shown)"
                    + (sample.names.count > 12 ? ", ..." : ""))
        }
    }

    private static func role(
        of name: String, _ sample: Sample, _ options: SchemaOptions, target: String?
    ) -> FieldRole {
        if name == target { return .target }
        if name == options.id { return .id }
        if name == options.weight { return .weight }
        if name == options.time { return .time }
        if options.ignored.contains(name) { return .ignored }
        if options.numeric.contains(name) { return .numeric }
        if options.categorical.contains(name) { return .categorical }
        if options.text.contains(name) { return .text }
        if let role = reserved[name] { return role == .target ? .ignored : role }
        if let role = sample.declared[name] { return role }
        return inferredRole(sample.values[name] ?? [], options)
    }

    /// The values without stray strings: where at most one in twenty is a string and the rest are numbers, the field is
    /// one of numbers, and the strings are wrong.
    private static func withoutStrays(_ values: [SampledValue]) -> [SampledValue] {
        var strings = 0
        var numbers = 0
        for value in values {
            if case .string = value { strings += 1 }
            if case .number = value { numbers += 1 }
        }
        guard strings > 0, strings * 20 <= numbers else { return values }
        return values.map { value in if case .string = value { .missing } else { value } }
    }

    private static func inferredRole(_ sampled: [SampledValue], _ options: SchemaOptions) -> FieldRole {
        let values = withoutStrays(sampled)
        var numbers: [Double] = []
        var strings: [String] = []
        for value in values {
            switch value {
            case .missing: break
            case .number(let number): numbers.append(number)
            case .boolean(let flag): numbers.append(flag ? 1 : 0)
            case .string(let string): strings.append(string)
            case .bag: return .text
            }
        }
        if !strings.isEmpty { return looksLikeText(strings) ? .text : .categorical }
        // Nothing seen: a category takes whatever comes.
        guard !numbers.isEmpty else { return .categorical }
        guard options.infersCategoriesFromNumbers else { return .numeric }
        return actsAsCategory(numbers, records: values.count) ? .both : .numeric
    }

    /// Three words or more on average, hardly ever the same twice.
    private static func looksLikeText(_ strings: [String]) -> Bool {
        let spaces = strings.reduce(0) { $0 + $1.utf8.reduce(0) { $0 + ($1 == 0x20 ? 1 : 0) } }
        return spaces >= 3 * strings.count && Set(strings).count * 2 > strings.count
    }

    /// Number columns that also act as categories: whole numbers that repeat (at most 3/4 of the records distinct), or
    /// any numbers of at most 10 values; two values carry nothing that the number itself does not.
    private static func actsAsCategory(_ numbers: [Double], records: Int) -> Bool {
        let distinct = Set(numbers).count
        guard distinct >= 3 else { return false }
        let areWhole = numbers.allSatisfy { $0 == $0.rounded() }
        return distinct <= 10 || areWhole && distinct * 4 <= records * 3
    }

    private static func task(of values: [SampledValue]) -> Task {
        var numbers: Set<Double> = []
        var names: Set<String> = []
        for value in values {
            switch value {
            case .number(let number): numbers.insert(number)
            case .string(let string): names.insert(string)
            case .boolean(let flag): names.insert(flag ? "true" : "false")
            case .missing, .bag: break
            }
        }
        if !names.isEmpty { return names.count + numbers.count <= 2 ? .binary : .multiclass }
        let areWhole = numbers.allSatisfy { $0 == $0.rounded() && abs($0) < 1e9 }
        guard areWhole, !numbers.isEmpty else { return .regression }
        if numbers.count <= 2 { return .binary }
        return numbers.count <= 20 && numbers.count * 10 <= values.count ? .multiclass : .regression
    }

    /// The classes known from the start: two for a binary task, negative first.
    private static func classes(
        _ task: Task, _ values: [SampledValue], _ declared: [String]?, _ options: SchemaOptions
    ) throws(FormatError) -> [String] {
        guard !task.answersNumber || task == .anomaly else { return [] }
        var found: [String] = []
        for value in values {
            let name = value.className
            if let name, !found.contains(name) { found.append(name) }
        }
        found.sort(by: inLabelOrder)
        if task == .multiclass { return options.declaresClasses ? declared ?? found : [] }
        if let declared, declared.count == 2, found.count < 2 { found = declared.sorted(by: inLabelOrder) }
        if let positive = options.positive {
            guard found.count < 2 || found.contains(positive) else {
                throw FormatError(
                    "--positive \(positive): the target's values are \(found.joined(separator: ", "))")
            }
            if let negative = found.first(where: { $0 != positive }) { return [negative, positive] }
            return ["", positive]
        }
        guard found.count <= 2 else {
            throw FormatError(
                "a binary task has two classes, the target's values are \(found.prefix(6).joined(separator: ", "))...; "
                    + "say --task multiclass")
        }
        return completed(found)
    }

    /// A lone class gets its usual opposite.
    private static func completed(_ found: [String]) -> [String] {
        guard found.count < 2 else { return found }
        switch found.first {
        case "1": return ["0", "1"]
        case "-1": return ["-1", "1"]
        case "true", "false": return ["false", "true"]
        case let only?: return only == "0" ? ["0", "1"] : [only, ""]
        case nil: return ["0", "1"]
        }
    }

    /// Numbers by value, before names by their bytes.
    private static func inLabelOrder(_ a: String, _ b: String) -> Bool {
        switch (Double(a), Double(b)) {
        case (let a?, let b?): a < b
        case (_?, nil): true
        case (nil, _?): false
        case (nil, nil): a.utf8.lexicographicallyPrecedes(b.utf8)
        }
    }
}

extension SampledValue {
    /// The value as a class name; nil when it is none.
    public var className: String? {
        switch self {
        case .number(let value): Int(exactly: value).map(String.init) ?? value.description
        case .boolean(let flag): flag ? "true" : "false"
        case .string(let name): name
        case .missing, .bag: nil
        }
    }
}

import Records

/// One step of decoding a record: what stands next in the bytes, and where it goes.
struct AvroStep {
    enum Code: UInt8 {
        /// The record, item or branch is complete.
        case end
        /// Goes on at step `argument`.
        case jump
        /// Passes over `argument` bytes, or numbers, or one text, or one value of type `argument`.
        case skipBytes, skipIntegers, skipText, skipValue
        /// Straight into number column `argument`.
        case integerNumber, floatNumber, doubleNumber
        /// A string straight into category column `argument`.
        case stringCategory
        /// Into sink `sink`, whatever it is. `argument`: index of the time scale, the decimal's size (-1: it has a length)
        /// or that of the fixed bytes, the enumeration.
        case boolean, integer, float, double, time, decimal, string, bytes, fixed, enumeration
        /// The sink has no value.
        case missing
        /// The first step of each branch stands in jump table `argument`.
        case union
        /// `AvroProgram.arrays[argument]`, `maps[argument]`.
        case array, map
        /// An array of texts into sink `sink`: `AvroProgram.bags[argument]` is the items' type.
        case bag

        /// Straight into a column.
        @inline(__always) var isDirect: Bool {
            rawValue >= Code.integerNumber.rawValue && rawValue <= Code.stringCategory.rawValue
        }

        /// Where its value is null the sink has none.
        var hasSink: Bool { rawValue >= Code.integerNumber.rawValue }
    }

    var code: Code
    /// The value is one of a union with null, whose index is this; `never`: it is in no such union.
    var nullBranch: UInt8 = never
    static let never: UInt8 = 255
    var sink: Int32 = 0
    var argument: Int32 = 0
    /// The decimal's scale.
    var scale: Int32 = 0
}

/// What a writer's schema and the fields that are wanted come to: a flat list of steps, made once for a schema.
///
/// Fields are named as JSON Lines names them: those of a record inside a record with a dot between the names, an array's
/// items by their index, a map's values by their key. An array of texts is a bag; what is not wanted is passed over.
final class AvroProgram {
    /// The items of an array that are wanted.
    struct ArrayItems {
        /// The first step of item i; -1: not wanted.
        var steps: [Int] = []
        let type: AvroType
    }

    /// The values of a map that are wanted.
    struct MapValues {
        var keys = KeyTable()
        /// The first step of the value of each key.
        var steps: [Int] = []
        let type: AvroType
    }

    /// The symbols of an enumeration, as texts and as categories.
    struct Enumeration {
        var texts: [ByteRange] = []
        var hashes: [UInt64] = []
    }

    let schema: AvroSchema
    private let set: SinkSet
    let sinks: [FieldSink]
    let steps: UnsafeMutableBufferPointer<AvroStep>
    /// Sinks that a record may leave without a value: they have none until it comes.
    let presets: [FieldSink]
    private(set) var branches: [[Int]] = []
    private(set) var arrays: [ArrayItems] = []
    private(set) var maps: [MapValues] = []
    private(set) var bags: [AvroType] = []
    private(set) var skipped: [AvroType] = []
    private(set) var scales: [(multiplier: Double, divisor: Double)] = []
    private(set) var enumerations: [Enumeration] = []
    /// The symbols' bytes; kept by batches whose records point to them.
    let symbols = Chunk(capacity: 64)
    /// No field that is wanted is in the schema.
    let isEmpty: Bool

    private static let maximumItems = 65_536

    /// - Parameter set: one sink a field that is wanted.
    init(_ schema: AvroSchema, _ set: SinkSet) {
        self.schema = schema
        self.set = set
        sinks = set.sinks
        var compiler = Compiler(schema, set.sinks)
        compiler.record(schema.root, "", isCertain: true)
        compiler.add(AvroStep(code: .end))
        // Branches, items and values stand behind the record.
        while !compiler.pending.isEmpty { compiler.pending.removeFirst()(&compiler) }
        steps = .allocate(capacity: compiler.steps.count)
        _ = steps.initialize(from: compiler.steps)
        var presets: [FieldSink] = []
        for (index, sink) in set.sinks.enumerated() where sink.kind != .ignored && !compiler.certain.contains(index) {
            presets.append(sink)
        }
        self.presets = presets
        isEmpty = compiler.isEmpty
        branches = compiler.branches
        arrays = compiler.arrays
        maps = compiler.maps
        bags = compiler.bags
        skipped = compiler.skipped
        scales = compiler.scales
        placeSymbols(compiler.enumerations)
    }

    deinit { steps.deallocate() }

    private func placeSymbols(_ lists: [[String]]) {
        // The chunk must not move once texts point into it. A zero ends a number.
        symbols.reserve(lists.joined().reduce(0) { $0 + $1.utf8.count + 1 })
        for list in lists {
            var enumeration = Enumeration()
            for symbol in list {
                let start = symbols.count
                var text = symbol + "\0"
                text.withUTF8 { symbols.append(ByteRange($0.baseAddress, $0.count)) }
                let bytes = UnsafeBufferPointer(
                    start: UnsafePointer(symbols.base) + start, count: symbols.count - start - 1)
                enumeration.texts.append(ByteRange(bytes.baseAddress, bytes.count))
                let hash = bytes.baseAddress.map { categoryHash($0, bytes.count) } ?? 0
                enumeration.hashes.append(isMissing(bytes) ? 0 : hash)
            }
            enumerations.append(enumeration)
        }
        symbols.sealPadding()
    }

    /// Writes the steps.
    private struct Compiler {
        let schema: AvroSchema
        let sinks: [FieldSink]
        /// Sinks of the names that are wanted, and the beginnings of these names up to a dot.
        private var wanted: [String: Int] = [:]
        private var prefixes: Set<String> = []
        var steps: [AvroStep] = []
        var certain: Set<Int> = []
        var branches: [[Int]] = []
        var arrays: [ArrayItems] = []
        var maps: [MapValues] = []
        var bags: [AvroType] = []
        var skipped: [AvroType] = []
        var scales: [(multiplier: Double, divisor: Double)] = []
        var enumerations: [[String]] = []
        var pending: [(inout Compiler) -> Void] = []
        var isEmpty = true
        /// Steps before this one are jumped to: nothing may be added to them.
        private var barrier = 0

        init(_ schema: AvroSchema, _ sinks: [FieldSink]) {
            self.schema = schema
            self.sinks = sinks
            for (index, sink) in sinks.enumerated() where sink.kind != .ignored {
                wanted[sink.name] = index
                var name = sink.name[...]
                while let dot = name.lastIndex(of: ".") {
                    name = name[..<dot]
                    guard prefixes.insert(String(name)).inserted else { break }
                }
            }
        }

        private func wants(_ name: String) -> Bool { wanted[name] != nil || prefixes.contains(name) }

        mutating func add(_ step: AvroStep) { steps.append(step) }

        /// Where the next step will stand, for a jump to it.
        private mutating func label() -> Int {
            barrier = steps.count
            return steps.count
        }

        mutating func record(_ index: Int, _ prefix: String, isCertain: Bool) {
            for field in schema.records[index].fields { value(field.type, prefix + field.name, isCertain: isCertain) }
        }

        private mutating func value(_ type: AvroType, _ name: String, isCertain: Bool) {
            guard wants(name) else { return skip(type) }
            switch type {
            case .record(let index): record(index, name + ".", isCertain: isCertain)
            case .union(let types): union(types, name, isCertain: isCertain)
            case .array(let item): array(item, name, isCertain: isCertain)
            case .map(let item): map(item, name)
            default: leaf(type, name, nullBranch: AvroStep.never, isCertain: isCertain)
            }
        }

        private mutating func leaf(_ type: AvroType, _ name: String, nullBranch: UInt8, isCertain: Bool) {
            guard let sink = wanted[name] else { return skip(type, nullBranch: nullBranch) }
            isEmpty = false
            if isCertain { certain.insert(sink) }
            var step = AvroStep(code: .missing, nullBranch: nullBranch, sink: Int32(sink))
            let isNumber = sinks[sink].kind == .numeric
            switch type {
            case .boolean: step.code = .boolean
            case .integer: step.code = isNumber ? .integerNumber : .integer
            case .float: step.code = isNumber ? .floatNumber : .float
            case .double: step.code = isNumber ? .doubleNumber : .double
            case .time(let multiplier, let divisor):
                step.code = .time
                step.argument = Int32(scales.count)
                scales.append((multiplier, divisor))
            case .decimal(let scale, let size):
                step.code = .decimal
                step.argument = Int32(size ?? -1)
                step.scale = Int32(scale)
            case .string: step.code = sinks[sink].kind == .categorical ? .stringCategory : .string
            case .bytes: step.code = .bytes
            case .fixed(let size):
                step.code = .fixed
                step.argument = Int32(size)
            case .enumeration(let symbols):
                step.code = .enumeration
                step.argument = Int32(enumerations.count)
                enumerations.append(symbols)
            case .null, .array, .map, .union, .record: break
            }
            switch step.code {
            case .integerNumber, .floatNumber, .doubleNumber: step.argument = sinks[sink].numberColumn
            case .stringCategory: step.argument = sinks[sink].categoryColumn
            default: break
            }
            add(step)
        }

        private mutating func skip(_ type: AvroType, nullBranch: UInt8 = AvroStep.never) {
            switch type {
            case .null: return
            case .integer, .time, .enumeration: skip(.skipIntegers, 1, nullBranch)
            case .float: skip(.skipBytes, 4, nullBranch)
            case .double: skip(.skipBytes, 8, nullBranch)
            case .fixed(let size), .decimal(_, let size?): skip(.skipBytes, size, nullBranch)
            case .string, .bytes, .decimal(_, nil): add(AvroStep(code: .skipText, nullBranch: nullBranch))
            case .record(let index): for field in schema.records[index].fields { skip(field.type) }
            default:
                add(AvroStep(code: .skipValue, nullBranch: nullBranch, argument: Int32(skipped.count)))
                skipped.append(type)
            }
        }

        /// Adds to the step before where that passes over the like.
        private mutating func skip(_ code: AvroStep.Code, _ amount: Int, _ nullBranch: UInt8) {
            if steps.count > barrier, nullBranch == AvroStep.never, let last = steps.last, last.code == code,
                last.nullBranch == AvroStep.never, Int(last.argument) + amount < Int(Int32.max)
            {
                steps[steps.count - 1].argument += Int32(amount)
            } else {
                add(AvroStep(code: code, nullBranch: nullBranch, argument: Int32(amount)))
            }
        }

        private mutating func union(_ types: [AvroType], _ name: String, isCertain: Bool) {
            if types.count == 2, let null = types.firstIndex(where: \.isNull), types[1 - null].isScalar {
                return leaf(types[1 - null], name, nullBranch: UInt8(null), isCertain: isCertain)
            }
            let table = branches.count
            branches.append([])
            add(AvroStep(code: .union, argument: Int32(table)))
            let after = label()
            for type in types {
                pending.append { compiler in
                    compiler.branches[table].append(compiler.label())
                    compiler.value(type, name, isCertain: false)
                    compiler.add(AvroStep(code: .jump, argument: Int32(after)))
                }
            }
        }

        private mutating func array(_ item: AvroType, _ name: String, isCertain: Bool) {
            if item.isTextOrNull {
                guard let sink = wanted[name] else { return skip(.array(item)) }
                isEmpty = false
                if isCertain { certain.insert(sink) }
                add(AvroStep(code: .bag, sink: Int32(sink), argument: Int32(bags.count)))
                return bags.append(item)
            }
            let table = arrays.count
            arrays.append(ArrayItems(type: item))
            add(AvroStep(code: .array, argument: Int32(table)))
            let indexes = continuations(of: name).compactMap { key in
                Int(key).flatMap { (0..<AvroProgram.maximumItems).contains($0) && String($0) == key ? $0 : nil }
            }
            guard let last = indexes.max() else { return }
            arrays[table].steps = Array(repeating: -1, count: last + 1)
            for index in Set(indexes).sorted() {
                pending.append { compiler in
                    compiler.arrays[table].steps[index] = compiler.label()
                    compiler.value(item, "\(name).\(index)", isCertain: false)
                    compiler.add(AvroStep(code: .end))
                }
            }
        }

        private mutating func map(_ item: AvroType, _ name: String) {
            let table = maps.count
            maps.append(MapValues(type: item))
            add(AvroStep(code: .map, argument: Int32(table)))
            for key in continuations(of: name) {
                var bytes = key
                _ = bytes.withUTF8 { maps[table].keys.insert($0) }
                pending.append { compiler in
                    compiler.maps[table].steps.append(compiler.label())
                    compiler.value(item, "\(name).\(key)", isCertain: false)
                    compiler.add(AvroStep(code: .end))
                }
            }
        }

        /// What may stand behind `name.` in names that are wanted, up to a dot or the end.
        private func continuations(of name: String) -> [String] {
            let all = Set(wanted.keys).union(prefixes)
            return all.filter { $0.hasPrefix(name + ".") }.map { String($0.dropFirst(name.count + 1)) }.sorted()
        }
    }
}

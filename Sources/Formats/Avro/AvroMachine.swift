import CBytes
import Records

/// Runs a program over the bytes of records, into the columns of a batch.
struct AvroMachine {
    var bytes: AvroBytes
    var store: FieldStore
    private let program: AvroProgram
    private let steps: UnsafePointer<AvroStep>
    private let sinks: [FieldSink]
    private let numbers: UnsafeMutablePointer<Double>
    private let categories: UnsafeMutablePointer<UInt64>
    private let stride: Int
    private let texts: AvroTexts
    /// Why the bytes are no record; meaningful where `run` says so.
    private(set) var fault = ""

    /// - Parameter texts: where texts made of numbers live.
    init?(_ program: AvroProgram, _ batch: RecordBatch, _ store: FieldStore, _ texts: AvroTexts) {
        guard let base = program.steps.baseAddress else { return nil }
        self.program = program
        self.store = store
        self.texts = texts
        steps = UnsafePointer(base)
        sinks = program.sinks
        numbers = batch.numbers
        categories = batch.categories
        stride = batch.columnStride
        bytes = AvroBytes(UnsafePointer(program.symbols.base), 0)
    }

    /// Decodes the record at the beginning of what `bytes` has left. False: it is none, and where the next one begins is
    /// not known. A field that does not fit is the store's failure, as everywhere.
    mutating func decodeRecord() -> Bool {
        store.clearFrame()
        for sink in program.presets { store.setMissing(sink) }
        return run(0)
    }

    private mutating func broken(_ reason: String) -> Bool {
        fault = reason
        return false
    }

    private mutating func run(_ first: Int) -> Bool {
        var next = first
        while true {
            guard !bytes.isBroken else { return broken("a value goes beyond the end, or is no number") }
            let step = steps[next]
            if step.code.isDirect {
                next = runDirect(next)
                guard next >= 0 else { return broken("a union of two types has no such branch") }
                continue
            }
            next += 1
            if step.nullBranch != AvroStep.never {
                let branch = bytes.integer()
                if branch == Int64(step.nullBranch) {
                    if step.code.hasSink { store.setMissing(sinks[Int(step.sink)]) }
                    continue
                }
                guard branch == 1 - Int64(step.nullBranch), !bytes.isBroken else {
                    return broken("a union of two types has no branch \(branch)")
                }
            }
            switch step.code {
            case .end: return true
            case .jump: next = Int(step.argument)
            case .skipBytes: _ = bytes.take(Int(step.argument))
            case .skipIntegers: for _ in 0..<step.argument where !bytes.isBroken { _ = bytes.integer() }
            case .skipText: _ = bytes.take(bytes.length())
            case .skipValue: bytes.skip(program.skipped[Int(step.argument)], program.schema.records)
            case .union:
                let branch = bytes.integer()
                let table = program.branches[Int(step.argument)]
                guard branch >= 0, branch < Int64(table.count) else {
                    return broken("a union of \(table.count) types has no branch \(branch)")
                }
                next = table[Int(branch)]
            case .array: guard runArray(program.arrays[Int(step.argument)]) else { return false }
            case .map: guard runMap(program.maps[Int(step.argument)]) else { return false }
            case .enumeration: guard setSymbol(step) else { return false }
            default: setOther(step)
            }
        }
    }

    // MARK: Straight into columns

    /// Runs the steps from `first` on that go straight into columns, each kind in a loop of its own, with all it needs in
    /// registers.
    ///
    /// - Returns: the step behind them, or the one at which the bytes broke; -1: a union has no such branch.
    @inline(never) private mutating func runDirect(_ first: Int) -> Int {
        var bytes = bytes
        let steps = steps
        let stride = stride
        let numbers = numbers + store.row
        let categories = categories + store.row
        var next = first
        direct: while !bytes.isBroken {
            switch steps[next].code {
            case .integerNumber:
                repeat {
                    let cell = numbers + Int(steps[next].argument) &* stride
                    switch Self.branch(steps[next], &bytes) {
                    case .value: cell.pointee = Double(bytes.integer())
                    case .null: cell.pointee = .nan
                    case .none: return -1
                    }
                    next &+= 1
                } while steps[next].code == .integerNumber && !bytes.isBroken
            case .doubleNumber, .floatNumber:
                let isDouble = steps[next].code == .doubleNumber
                repeat {
                    let cell = numbers + Int(steps[next].argument) &* stride
                    switch Self.branch(steps[next], &bytes) {
                    case .value:
                        let value = isDouble ? bytes.double() : Double(bytes.float())
                        // There is no negative zero among what is learned from.
                        cell.pointee = value + 0
                        if value.isInfinite { setOutOfRange(sinks[Int(steps[next].sink)]) }
                    case .null: cell.pointee = .nan
                    case .none: return -1
                    }
                    next &+= 1
                } while steps[next].code == (isDouble ? .doubleNumber : .floatNumber) && !bytes.isBroken
            case .stringCategory:
                repeat {
                    let cell = categories + Int(steps[next].argument) &* stride
                    switch Self.branch(steps[next], &bytes) {
                    case .value:
                        let count = bytes.length()
                        let start = bytes.take(count)
                        guard !bytes.isBroken else { break direct }
                        if !isASCII(start, count) { requireUTF8(start, count, sinks[Int(steps[next].sink)]) }
                        cell.pointee = Self.category(start, count)
                    case .null: cell.pointee = 0
                    case .none: return -1
                    }
                    next &+= 1
                } while steps[next].code == .stringCategory && !bytes.isBroken
            default: break direct
            }
        }
        self.bytes = bytes
        return next
    }

    private enum Branch { case value, null, none }

    /// Which branch of a union with null comes next.
    @inline(__always) private static func branch(_ step: AvroStep, _ bytes: inout AvroBytes) -> Branch {
        guard step.nullBranch != AvroStep.never else { return .value }
        let branch = bytes.integer()
        if branch == 1 - Int64(step.nullBranch) { return .value }
        return branch == Int64(step.nullBranch) ? .null : .none
    }

    @inline(__always) private static func category(_ start: UnsafePointer<UInt8>, _ count: Int) -> UInt64 {
        if count <= 4, isMissing(UnsafeBufferPointer(start: start, count: count)) { return 0 }
        return max(count <= 16 ? bytes_xxh3_short(start, count) : bytes_xxh3(start, count), 1)
    }

    @inline(never) private mutating func setOutOfRange(_ sink: FieldSink) {
        store.failure = "field '\(sink.name)': number out of range"
    }

    /// What has no loop of its own.
    @inline(never) private mutating func setOther(_ step: AvroStep) {
        let sink = sinks[Int(step.sink)]
        switch step.code {
        case .missing: store.setMissing(sink)
        case .boolean:
            let value = bytes.boolean()
            if !bytes.isBroken { setBoolean(value, sink) }
        case .integer:
            let value = bytes.integer()
            setNumber(sink, Double(value), exact: value, isTime: false)
        case .float:
            let value = bytes.float()
            setNumber(sink, Double(value), exact: nil, isTime: false, float: value)
        case .double: setNumber(sink, bytes.double(), exact: nil, isTime: false)
        case .time:
            let scale = program.scales[Int(step.argument)]
            setNumber(sink, Double(bytes.integer()) * scale.multiplier / scale.divisor, exact: nil, isTime: true)
        case .decimal:
            let size = step.argument < 0 ? bytes.length() : Int(step.argument)
            setNumber(sink, bytes.decimal(size, scale: Int(step.scale)), exact: nil, isTime: false)
        case .string:
            let count = bytes.length()
            setText(sink, bytes.take(count), count, isString: true)
        case .bytes:
            let count = bytes.length()
            setText(sink, bytes.take(count), count, isString: false)
        case .fixed: setText(sink, bytes.take(Int(step.argument)), Int(step.argument), isString: false)
        case .bag: setBag(program.bags[Int(step.argument)], sink)
        default: break
        }
    }

    private mutating func setBoolean(_ value: Bool, _ sink: FieldSink) {
        let word: StaticString = value ? "true" : "false"
        let digit: StaticString = value ? "1" : "0"
        switch sink.kind {
        case .target:
            store.batch.targetNumbers[store.row] = value ? 1 : 0
            store.batch.targetTexts[store.row] = ByteRange(word.utf8Start, word.utf8CodeUnitCount)
        case .text, .id, .time, .raw: store.setText(sink, word.utf8Start, word.utf8CodeUnitCount)
        case .named:
            store.setNumber(
                sink, value ? 1 : 0,
                raw: UnsafeBufferPointer(start: word.utf8Start, count: word.utf8CodeUnitCount))
        // A boolean is the number 0 or 1 everywhere, also as a category.
        default: store.setNumber(sink, value ? 1 : 0, raw: UnsafeBufferPointer(start: digit.utf8Start, count: 1))
        }
    }

    /// - Parameters:
    ///   - exact: the number itself where a Double might not hold it.
    ///   - isTime: it is in seconds since 1970, whatever its size.
    ///   - float: as which it was written: its text is shorter then.
    private mutating func setNumber(
        _ sink: FieldSink, _ value: Double, exact: Int64?, isTime: Bool, float: Float? = nil
    ) {
        guard !bytes.isBroken else { return }
        guard !value.isNaN else { return store.setMissing(sink) }
        guard value.isFinite else { return setOutOfRange(sink) }
        if sink.kind == .numeric || sink.kind == .both {
            numbers[Int(sink.numberColumn) &* stride &+ store.row] = value + 0
            if sink.kind == .numeric { return }
        }
        let whole = exact ?? (abs(value) < 0x1p53 ? Int64(exactly: value) : nil)
        if sink.kind == .categorical || sink.kind == .both {
            let hash = whole.map(texts.hash) ?? texts.hash(value, float)
            categories[Int(sink.categoryColumn) &* stride &+ store.row] = hash
            return
        }
        let raw =
            whole.map { texts.keep($0, in: store.batch) } ?? texts.keep(value, float, in: store.batch)
        store.setNumber(sink, value + 0, raw: raw)
        // Its unit is known and need not be guessed from its size.
        if isTime, sink.kind == .time { store.batch.times[store.row] = value }
    }

    private mutating func setText(_ sink: FieldSink, _ start: UnsafePointer<UInt8>, _ count: Int, isString: Bool) {
        guard !bytes.isBroken else { return }
        // What is only compared need not be text.
        let isText = isString || sink.kind != .categorical && sink.kind != .both
        if isText, !isASCII(start, count) { requireUTF8(start, count, sink) }
        if store.failure == nil { store.setText(sink, start, count) }
    }

    @inline(never) private mutating func requireUTF8(_ start: UnsafePointer<UInt8>, _ count: Int, _ sink: FieldSink) {
        guard store.failure == nil, !isUTF8(UnsafeBufferPointer(start: start, count: count)) else { return }
        store.failure = "field '\(sink.name)': invalid UTF-8"
    }

    private mutating func setSymbol(_ step: AvroStep) -> Bool {
        let symbol = bytes.integer()
        let sink = sinks[Int(step.sink)]
        let count = program.enumerations[Int(step.argument)].texts.count
        guard symbol >= 0, symbol < Int64(count) else {
            return broken("field '\(sink.name)': an enumeration of \(count) symbols has no number \(symbol)")
        }
        if sink.kind == .categorical {
            categories[Int(sink.categoryColumn) &* stride &+ store.row] =
                program.enumerations[Int(step.argument)].hashes[Int(symbol)]
        } else if let start = program.enumerations[Int(step.argument)].texts[Int(symbol)].start {
            store.setText(sink, start, program.enumerations[Int(step.argument)].texts[Int(symbol)].count)
        }
        return true
    }

    // MARK: What has several values

    private mutating func runArray(_ array: AvroProgram.ArrayItems) -> Bool {
        var index = 0
        while let count = bytes.nextItems() {
            for _ in 0..<count {
                let step = index < array.steps.count ? array.steps[index] : -1
                if step >= 0 {
                    guard run(step) else { return false }
                } else {
                    bytes.skip(array.type, program.schema.records)
                    guard !bytes.isBroken else { return broken("an array goes beyond the end") }
                }
                index += 1
            }
        }
        return true
    }

    private mutating func runMap(_ map: AvroProgram.MapValues) -> Bool {
        while let count = bytes.nextItems() {
            for _ in 0..<count {
                let length = bytes.length()
                let start = bytes.take(length)
                guard !bytes.isBroken else { return broken("a map goes beyond the end") }
                if let key = map.keys.find(UnsafeBufferPointer(start: start, count: length)) {
                    guard run(map.steps[key]) else { return false }
                } else {
                    bytes.skip(map.type, program.schema.records)
                }
            }
        }
        return true
    }

    private mutating func setBag(_ item: AvroType, _ sink: FieldSink) {
        if sink.kind != .text { store.setMissing(sink) }
        while let count = bytes.nextItems() {
            for _ in 0..<count where !bytes.isBroken { addToken(item, sink) }
        }
    }

    private mutating func addToken(_ item: AvroType, _ sink: FieldSink) {
        var type = item
        if case .union(let branches) = item {
            let branch = bytes.integer()
            guard branch >= 0, branch < Int64(branches.count) else { return bytes.fail() }
            type = branches[Int(branch)]
        }
        var text = ByteRange.empty
        switch type {
        case .string, .bytes:
            let count = bytes.length()
            text = ByteRange(bytes.take(count), count)
        case .fixed(let size): text = ByteRange(bytes.take(size), size)
        case .enumeration(let symbols):
            let symbol = bytes.integer()
            guard symbol >= 0, symbol < Int64(symbols.count) else { return bytes.fail() }
            guard sink.kind == .text, !bytes.isBroken else { return }
            var name = symbols[Int(symbol)]
            return name.withUTF8 { store.addToken(sink, $0) }
        default: return
        }
        guard sink.kind == .text, !bytes.isBroken else { return }
        if let start = text.start, !isASCII(start, text.count) { requireUTF8(start, text.count, sink) }
        store.addToken(sink, text.buffer)
    }
}

/// Whether bytes are ASCII; 8 bytes past them are readable.
@inline(__always) private func isASCII(_ start: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let raw = UnsafeRawPointer(start)
    var high: UInt64 = 0
    var at = 0
    while at &+ 8 < count {
        high |= raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
        at &+= 8
    }
    // Of the last 1 to 8 bytes what lies behind them is shifted out.
    if at < count {
        high |=
            UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
            << UInt64(64 - 8 * (count - at))
    }
    return high & 0x8080_8080_8080_8080 == 0
}

import Components
import Glibc

/// An arithmetic expression over number fields, compiled to instructions for a stack.
///
///     sum     = product (('+' | '-') product)*
///     product = power (('*' | '/') power)*
///     power   = '-' power | atom ('^' power)?
///     atom    = number | name | 'quoted name' | function '(' sum (';' sum)* ')' | '(' sum ')'
///
/// A missing operand, a division by zero and a result that is no number (the root of -1) are missing. There is nothing
/// in it that loops or reaches outside the record; 200 instructions and a depth of 50 at most.
struct Expression {
    enum Instruction: Equatable {
        case constant(Double)
        case number(column: Int)
        case add, subtract, multiply, divide, power, negate
        case call(Function)
    }

    enum Function: String, CaseIterable {
        case abs, exp, floor, log, log1p, sign, sqrt, max, min

        var operands: Int { self == .max || self == .min ? 2 : 1 }
    }

    private(set) var instructions: [Instruction] = []
    /// Numbers on the stack at most.
    private(set) var depth = 0

    /// - Parameter names: of the number columns.
    /// - Throws: saying where the text stops making sense.
    init(_ text: String, names: [String]) throws(SettingError) {
        var parser = Parser(text: text, characters: Array(text), names: names)
        try parser.sum()
        parser.skipSpaces()
        guard parser.at == parser.characters.count else { throw parser.error("an operator or the end") }
        instructions = parser.instructions
        var height = 0
        for instruction in instructions {
            switch instruction {
            case .constant, .number: height += 1
            case .add, .subtract, .multiply, .divide, .power: height -= 1
            case .negate: break
            case .call(let function): height -= function.operands - 1
            }
            depth = max(depth, height)
        }
    }

    /// The value with `stack` as room for `depth` numbers; NaN = missing.
    func evaluate(_ stack: UnsafeMutablePointer<Double>, number: (_ column: Int) -> Double) -> Double {
        var top = stack
        for instruction in instructions {
            switch instruction {
            case .constant(let value):
                top.pointee = value
                top += 1
            case .number(let column):
                top.pointee = number(column)
                top += 1
            case .negate: top[-1] = -top[-1]
            case .add: Self.combine(&top, +)
            case .subtract: Self.combine(&top, -)
            case .multiply: Self.combine(&top, *)
            case .divide: Self.combine(&top) { $1 == 0 ? .nan : $0 / $1 }
            case .power: Self.combine(&top, pow)
            case .call(.max): Self.combine(&top) { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
            case .call(.min): Self.combine(&top) { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
            case .call(let function): top[-1] = Self.apply(function, top[-1])
            }
        }
        return bounded(stack[0])
    }

    @inline(__always)
    private static func combine(_ top: inout UnsafeMutablePointer<Double>, _ operation: (Double, Double) -> Double) {
        top -= 1
        top[-1] = bounded(operation(top[-1], top[0]))
    }

    private static func apply(_ function: Function, _ value: Double) -> Double {
        switch function {
        case .abs: Swift.abs(value)
        case .exp: bounded(Glibc.exp(value))
        case .floor: value.rounded(.down)
        case .log: value > 0 ? Glibc.log(value) : .nan
        case .log1p: value > -1 ? Glibc.log1p(value) : .nan
        case .sign: value > 0 ? 1 : value < 0 ? -1 : value
        case .sqrt: value >= 0 ? value.squareRoot() : .nan
        case .max, .min: value
        }
    }

    private struct Parser {
        let text: String
        let characters: [Character]
        let names: [String]
        var at = 0
        var level = 0
        var instructions: [Instruction] = []

        func error(_ expected: String) -> SettingError {
            let rest = at < characters.count ? "'\(String(characters[at...]))'" : "the end"
            return SettingError("expression '\(text)': expected \(expected), found \(rest)")
        }

        mutating func skipSpaces() { while at < characters.count, characters[at] == " " { at += 1 } }

        mutating func take(_ wanted: Character) -> Bool {
            skipSpaces()
            guard at < characters.count, characters[at] == wanted else { return false }
            at += 1
            return true
        }

        mutating func emit(_ instruction: Instruction) throws(SettingError) {
            guard instructions.count < 200 else { throw SettingError("expression '\(text)' is too long") }
            instructions.append(instruction)
        }

        mutating func sum() throws(SettingError) {
            level += 1
            guard level <= 50 else { throw SettingError("expression '\(text)' is nested too deeply") }
            try product()
            while true {
                if take("+") {
                    try product()
                    try emit(.add)
                } else if take("-") {
                    try product()
                    try emit(.subtract)
                } else {
                    level -= 1
                    return
                }
            }
        }

        mutating func product() throws(SettingError) {
            try power()
            while true {
                if take("*") {
                    try power()
                    try emit(.multiply)
                } else if take("/") {
                    try power()
                    try emit(.divide)
                } else {
                    return
                }
            }
        }

        mutating func power() throws(SettingError) {
            level += 1
            guard level <= 50 else { throw SettingError("expression '\(text)' is nested too deeply") }
            defer { level -= 1 }
            if take("-") {
                try power()
                return try emit(.negate)
            }
            try atom()
            if take("^") {
                try power()
                try emit(.power)
            }
        }

        mutating func atom() throws(SettingError) {
            if take("(") {
                try sum()
                guard take(")") else { throw error("')'") }
                return
            }
            if take("'") {
                guard let end = characters[at...].firstIndex(of: "'") else { throw error("a closing quote") }
                let name = String(characters[at..<end])
                at = end + 1
                return try field(name)
            }
            guard at < characters.count else { throw error("a number or a field") }
            let start = at
            if characters[at].isNumber || characters[at] == "." { return try number() }
            while at < characters.count,
                characters[at].isLetter || characters[at].isNumber || characters[at] == "_"
                    || characters[at] == "."
            {
                at += 1
            }
            guard at > start else { throw error("a number or a field") }
            let name = String(characters[start..<at])
            if let function = Function(rawValue: name), take("(") { return try call(function) }
            try field(name)
        }

        mutating func number() throws(SettingError) {
            let start = at
            while at < characters.count {
                let isExponentSign =
                    (characters[at] == "-" || characters[at] == "+") && at > start
                    && (characters[at - 1] == "e" || characters[at - 1] == "E")
                guard
                    characters[at].isNumber || characters[at] == "." || characters[at] == "e" || characters[at] == "E"
                        || isExponentSign
                else { break }
                at += 1
            }
            guard let value = Double(String(characters[start..<at])), value.isFinite else {
                at = start
                throw error("a number")
            }
            try emit(.constant(value))
        }

        mutating func call(_ function: Function) throws(SettingError) {
            try sum()
            for _ in 1..<function.operands {
                guard take(";") || take(",") else { throw error("a second value for \(function.rawValue)") }
                try sum()
            }
            guard take(")") else { throw error("')'") }
            try emit(.call(function))
        }

        mutating func field(_ name: String) throws(SettingError) {
            guard let column = names.firstIndex(of: name) else {
                throw SettingError(
                    "expression '\(text)': there is no number field '\(name)'" + didYouMean(name, names))
            }
            try emit(.number(column: column))
        }
    }
}

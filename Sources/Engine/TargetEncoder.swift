import CBytes
import Glibc
import Records
import State

/// Turns targets into numbers or class indices. Classes that appear at run time are learned: they get the next index.
final class TargetEncoder: Stateful {
    private let task: Task
    /// The class names' bytes, one after the other, and where each ends.
    private let bytes: StateArray<UInt8>
    private let ends: StateArray<UInt32>
    /// 1 + the index of the class whose name is a guess, 0 = none: a binary stream may begin with one class alone.
    private let guess: StateArray<UInt32>
    @exclusivity(unchecked) private var names: [[UInt8]] = []
    /// Changes whenever a class is added or renamed.
    private(set) var revision = 0

    init(task: Task, classes: [String]) {
        self.task = task
        bytes = StateArray(count: 0, grows: true)
        ends = StateArray(count: 0, grows: true)
        guess = StateArray(count: 1)
        for name in classes { add(Array(name.utf8)) }
        if task.hasTwoClasses, let unknown = classes.firstIndex(of: "") { guess[0] = UInt32(unknown + 1) }
    }

    /// A class of that name was never seen; the first that has no other place takes its.
    func markAsGuess(_ name: String) {
        if task.hasTwoClasses, let index = classNames.firstIndex(of: name) { guess[0] = UInt32(index + 1) }
    }

    var state: [StateEntry] {
        [StateEntry("class_bytes", bytes), StateEntry("class_ends", ends), StateEntry("class_guess", guess)]
    }

    func stateDidChange() {
        names = []
        var start = 0
        for end in ends.elements {
            names.append(Array(bytes.elements[start..<min(max(start, Int(end)), bytes.count)]))
            start = Int(end)
        }
    }

    var classNames: [String] { names.map { String(decoding: $0, as: UTF8.self) } }

    private func add(_ name: [UInt8]) {
        let start = bytes.count
        bytes.resize(to: start + name.count)
        for (index, byte) in name.enumerated() { bytes[start + index] = byte }
        ends.append(UInt32(bytes.count))
        names.append(name)
        revision += 1
    }

    private func rename(_ index: Int, to name: [UInt8]) {
        var all = names
        all[index] = name
        bytes.resize(to: 0)
        ends.resize(to: 0)
        names = []
        for name in all { add(name) }
    }

    /// Fills the targets of `features` from a batch. A target that cannot be learned rejects its record.
    ///
    /// - Parameter learning: false = classes nobody knows stay unknown instead of being added.
    /// - Parameter further: encodes the further targets of the same rows; nil: there are none.
    func encode(
        _ batch: RecordBatch, into features: FeatureBatch, learning: Bool, further: OutputTargets? = nil
    ) {
        let (weights, targets, classes) = (features.weights, features.targets, features.classes)
        let task = task
        var row = 0
        var rows = batch.rows
        while row < rows {
            // The texts lie far apart in the raw bytes.
            if row &+ 8 < rows, let ahead = batch.targetTexts[row &+ 8].start { bytes_prefetch(ahead) }
            if learning, let reason = further?.refusal(row, batch) {
                batch.rejectRow(row, reason)
                rows = batch.rows
                continue
            }
            weights[row] = batch.weights[row]
            switch task {
            case .regression, .bandit:
                targets[row] = batch.targetNumbers[row]
                classes[row] = -1
            case .clustering:
                targets[row] = .nan
                classes[row] = -1
            case .binary, .multiclass, .anomaly:
                guard let index = classIndex(batch.targetTexts[row].buffer, learning) else {
                    batch.rejectRow(row, thirdClass(batch.targetTexts[row]))
                    rows = batch.rows
                    continue
                }
                if learning, index >= 0, Int(guess[0]) == index + 1 { guess[0] = 0 }
                targets[row] = .nan
                classes[row] = Int32(index)
            }
            further?.encode(row, batch, into: features, learning: learning)
            row += 1
        }
    }

    /// The class's index, -1 when the target is missing or not to be learned.
    func learnedIndex(of text: UnsafeBufferPointer<UInt8>, learning: Bool) -> Int {
        let index = classIndex(text, learning) ?? -1
        if learning, index >= 0, Int(guess[0]) == index + 1 { guess[0] = 0 }
        return index
    }

    private func thirdClass(_ text: ByteRange) -> String {
        let known = classNames.map { "'\($0)'" }.joined(separator: " and ")
        return "target '\(text.text)' is a third class; the task is binary with \(known) (say --task multiclass)"
    }

    /// The first row whose target could not be learned, and why. Changes nothing.
    func refusal(_ batch: RecordBatch) -> (row: Int, reason: String)? {
        guard task.hasTwoClasses, guess[0] == 0 else { return nil }
        for row in 0..<batch.rows where batch.targetTexts[row].count > 0 {
            if classIndex(batch.targetTexts[row].buffer, false) == -1 {
                return (row, thirdClass(batch.targetTexts[row]))
            }
        }
        return nil
    }

    /// What learning a target would do.
    enum Place {
        /// Its class is known, or it is a number.
        case known
        /// It would bring a class.
        case new
        case none
    }

    /// What learning a target of that text would do.
    func place(of text: UnsafeBufferPointer<UInt8>) -> Place {
        guard !task.answersNumber || task == .anomaly else { return .known }
        if classIndex(text, false) ?? -1 >= 0 { return .known }
        return task == .multiclass || guess[0] > 0 ? .new : .none
    }

    /// Equal for all spellings of one class.
    static func digest(of text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        canonical(text).withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map { bytes_xxh3($0, buffer.count) } ?? 0
        }
    }

    /// Why a third class is refused.
    func refusal(of text: UnsafeBufferPointer<UInt8>) -> String {
        thirdClass(ByteRange(text.baseAddress, text.count))
    }

    /// The class's index, -1 when the target is missing or not to be learned; nil when it has no place.
    private func classIndex(_ text: UnsafeBufferPointer<UInt8>, _ learning: Bool) -> Int? {
        guard let start = text.baseAddress, text.count > 0 else { return -1 }
        for index in names.indices where names[index].count == text.count {
            // Most names are short: a call would cost more than the comparison.
            if names[index][0] == start[0], text.count == 1 || memcmp(names[index], start, text.count) == 0 {
                return index
            }
        }
        let canonical = Self.canonical(text)
        if let index = names.firstIndex(of: canonical) { return index }
        guard learning else { return -1 }
        if guess[0] > 0 {
            rename(Int(guess[0]) - 1, to: canonical)
            return Int(guess[0]) - 1
        }
        guard task == .multiclass else { return nil }
        add(canonical)
        return names.count - 1
    }

    /// The name under which a class is known.
    static func canonicalName(_ name: String) -> String {
        var name = name
        return name.withUTF8 { String(decoding: canonical($0), as: UTF8.self) }
    }

    /// False: one of two classes was never seen, and its name is a guess.
    var knowsAllClasses: Bool { task.hasTwoClasses && guess[0] == 0 }

    /// Whole numbers by value (`1.0` is class `1`), other names as they are.
    private static func canonical(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        let name = String(decoding: text, as: UTF8.self)
        if let value = Double(name), let whole = Int(exactly: value) { return Array(String(whole).utf8) }
        return Array(text)
    }
}

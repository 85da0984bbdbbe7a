import CBytes
import Glibc
import State

/// Entries under a key, in the order in which they came, in one array: what a bounded store of things that wait is made
/// of. The oldest leave first; any may leave early.
///
/// An entry is a run of words: length (words, all included) times 2, plus 1 when it has left; hash of the key; bytes of
/// the key; the key, padded to words; the content. Keys are compared byte by byte, so that equal hashes join nothing.
final class KeyedLog: Stateful {
    private static let headerWords = 3
    /// Dead words below which moving the others together is not worth it.
    private static let minimumGarbage = 4096

    private let words: StateArray<UInt64>
    /// First word in use, entries, words of entries that have left.
    private let marks: StateArray<Int64>
    let maximumEntries: Int
    let maximumWords: Int
    /// Where the entry of a key stands, by its hash: open addressing with linear probing; -1 = free. Made of the array
    /// when it is asked for, so that copies of the state which nobody asks cost nothing.
    private var places: [Int] = []
    private var isIndexed = false

    init(maximumEntries: Int, maximumBytes: Int) {
        self.maximumEntries = max(maximumEntries, 1)
        maximumWords = max(maximumBytes / 8, 64)
        words = StateArray(count: 0, grows: true)
        marks = StateArray(count: 3)
    }

    var state: [StateEntry] { [StateEntry("words", words), StateEntry("marks", marks)] }

    func stateDidChange() { isIndexed = false }

    private enum Mark {
        static let first = 0
        static let entries = 1
        static let garbage = 2
    }

    /// Entries in it.
    var count: Int { Int(marks.base[Mark.entries]) }

    /// Bytes that its entries take.
    var byteCount: Int { 8 * (words.count - Int(marks.base[Mark.garbage])) }

    private func length(_ entry: Int) -> Int { Int(words.base[entry] >> 1) }

    private func hasLeft(_ entry: Int) -> Bool { words.base[entry] & 1 != 0 }

    private static func hash(_ key: UnsafeBufferPointer<UInt8>) -> UInt64 {
        key.baseAddress.map { bytes_xxh3($0, key.count) } ?? 0
    }

    // MARK: Reading

    /// The oldest entry; nil: there is none.
    var oldest: Int? { count > 0 ? Int(marks.base[Mark.first]) : nil }

    /// The newest entry of a key; nil: there is none. Entries without a key are not found.
    func find(_ key: UnsafeBufferPointer<UInt8>) -> Int? {
        guard key.count > 0, count > 0 else { return nil }
        index()
        let hash = Self.hash(key)
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] >= 0 {
            let entry = places[place]
            if words.base[entry + 1] == hash, isKey(key, of: entry) { return entry }
            place = (place + 1) & mask
        }
        return nil
    }

    private func isKey(_ key: UnsafeBufferPointer<UInt8>, of entry: Int) -> Bool {
        let other = self.key(of: entry)
        guard other.count == key.count, let a = other.baseAddress, let b = key.baseAddress else { return false }
        return memcmp(a, b, key.count) == 0
    }

    /// The key of an entry; valid until the log changes.
    func key(of entry: Int) -> UnsafeBufferPointer<UInt8> {
        let start = UnsafeRawPointer(words.base + entry + Self.headerWords).assumingMemoryBound(to: UInt8.self)
        return UnsafeBufferPointer(start: start, count: Int(words.base[entry + 2]))
    }

    /// The content of an entry; valid until the log changes.
    func content(of entry: Int) -> UnsafeBufferPointer<UInt64> {
        let first = Self.headerWords + (Int(words.base[entry + 2]) + 7) / 8
        return UnsafeBufferPointer(start: words.base + entry + first, count: length(entry) - first)
    }

    /// Hands every entry to `body`, the oldest first.
    func forEach(_ body: (_ entry: Int) -> Void) {
        var entry = 0
        while entry < words.count {
            if !hasLeft(entry) { body(entry) }
            entry += length(entry)
        }
    }

    // MARK: Changing

    /// Whether an entry with so many words of content has to push out the oldest first.
    func isFull(for key: UnsafeBufferPointer<UInt8>, _ contentWords: Int) -> Bool {
        let needed = Self.headerWords + (key.count + 7) / 8 + contentWords
        return count > 0 && (count >= maximumEntries || byteCount / 8 + needed > maximumWords)
    }

    /// Adds an entry. A key that is there already must have left before, and there must be room.
    func append(_ key: UnsafeBufferPointer<UInt8>, _ content: some Collection<UInt64>) {
        collectGarbage()
        let keyWords = (key.count + 7) / 8
        let length = Self.headerWords + keyWords + content.count
        let entry = words.count
        words.resize(to: entry + length)
        let hash = Self.hash(key)
        words.base[entry] = UInt64(length) << 1
        words.base[entry + 1] = hash
        words.base[entry + 2] = UInt64(key.count)
        if let bytes = key.baseAddress { memcpy(words.base + entry + Self.headerWords, bytes, key.count) }
        var at = entry + Self.headerWords + keyWords
        for word in content {
            words.base[at] = word
            at += 1
        }
        if count == 0 { marks.base[Mark.first] = Int64(entry) }
        marks.base[Mark.entries] += 1
        if isIndexed, key.count > 0 { place(entry, hash) }
    }

    /// Takes an entry out.
    func remove(_ entry: Int) {
        if isIndexed, words.base[entry + 2] > 0 { unplace(entry) }
        words.base[entry] |= 1
        marks.base[Mark.entries] -= 1
        marks.base[Mark.garbage] += Int64(length(entry))
        guard count > 0 else { return }
        var first = Int(marks.base[Mark.first])
        while first < words.count, hasLeft(first) { first += length(first) }
        marks.base[Mark.first] = Int64(first)
    }

    /// Moves the entries together when more words are dead than not.
    private func collectGarbage() {
        let garbage = Int(marks.base[Mark.garbage])
        guard garbage > Self.minimumGarbage, garbage * 2 > words.count else { return }
        var from = 0
        var to = 0
        while from < words.count {
            let length = length(from)
            if !hasLeft(from) {
                if from > to { memmove(words.base + to, words.base + from, length * 8) }
                to += length
            }
            from += length
        }
        words.resize(to: to)
        marks.base[Mark.first] = 0
        marks.base[Mark.garbage] = 0
        isIndexed = false
    }

    // MARK: Index

    private func index() {
        guard !isIndexed else { return }
        isIndexed = true
        makePlaces(for: count)
        var entry = 0
        while entry < words.count {
            if !hasLeft(entry), words.base[entry + 2] > 0 { place(entry, words.base[entry + 1]) }
            entry += length(entry)
        }
    }

    private func makePlaces(for entries: Int) {
        var size = 64
        while size < entries * 4 { size *= 2 }
        places = Array(repeating: -1, count: size)
    }

    private func place(_ entry: Int, _ hash: UInt64) {
        if count * 2 > places.count {
            isIndexed = false
            return index()
        }
        let mask = places.count - 1
        var place = Int(truncatingIfNeeded: hash) & mask
        while places[place] >= 0 { place = (place + 1) & mask }
        places[place] = entry
    }

    /// Knuth's algorithm R (6.4): later entries of the run move up.
    private func unplace(_ entry: Int) {
        let mask = places.count - 1
        var hole = Int(truncatingIfNeeded: words.base[entry + 1]) & mask
        while places[hole] != entry {
            guard places[hole] >= 0 else { return }
            hole = (hole + 1) & mask
        }
        var next = hole
        while true {
            places[hole] = -1
            repeat {
                next = (next + 1) & mask
                guard places[next] >= 0 else { return }
            } while !mayMove(next, to: hole)
            places[hole] = places[next]
            hole = next
        }
    }

    /// Whether the hole lies between where an entry belongs and where it stands.
    private func mayMove(_ place: Int, to hole: Int) -> Bool {
        let mask = places.count - 1
        let home = Int(truncatingIfNeeded: words.base[places[place] + 1]) & mask
        return (place - home) & mask >= (place - hole) & mask
    }

    /// Whether a restored log is one: lengths that lead from entry to entry to the end.
    var isSound: Bool {
        var entry = 0
        var entries = 0
        var garbage = 0
        var first: Int?
        while entry < words.count {
            let length = length(entry)
            guard length >= Self.headerWords, length <= words.count - entry,
                words.base[entry + 2] <= UInt64((length - Self.headerWords) * 8)
            else { return false }
            if hasLeft(entry) {
                garbage += length
            } else {
                entries += 1
                first = first ?? entry
            }
            entry += length
        }
        let isMarked = entries == 0 || marks[Mark.first] == Int64(first ?? -1)
        return isMarked && marks[Mark.entries] == Int64(entries) && marks[Mark.garbage] == Int64(garbage)
    }
}

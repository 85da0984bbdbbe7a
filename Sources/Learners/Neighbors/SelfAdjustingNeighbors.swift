import Components
import Records
import State

/// SAM-kNN: nearest neighbours in two memories (Losing, Hammer and Wersing, KNN Classifier with Self Adjusting Memory for
/// Heterogeneous Concept Drift, ICDM 2016). The short-term memory holds the latest records, as many of m, m/2, m/4, ... as
/// have been predicted best among themselves; what leaves it goes to the long-term memory, where nothing stays that
/// contradicts the present, and which is condensed by k-means where it is full. Whichever of the two, or both together, was
/// right most often over the short-term memory's records answers. As long as the long-term memory was not condensed the
/// answers are those of MOA's `SAMkNN`, which takes an empty memory for one that says the first class.
public final class SelfAdjustingNeighbors: OnePassLearner {
    private let task: Task
    private let k: Int
    private let limit: Int
    private let leastWindow: Int
    private let longLimit: Int
    /// Attributes in the memories' order: numbers first.
    private let order: [Int]
    private let recent: LabeledMemory
    private let lasting: LabeledMemory
    private let classes = StateArray<Int64>(count: 1)
    private let generator: RandomGenerator
    private var record: [Double]
    /// To the recent records, then to the lasting ones.
    private var distances: [Double]
    private var found: Neighbors
    private var votes: [Double] = []
    private var combined: [Double] = []

    /// Bits of a recent record: predicted rightly, when it came, by the recent memory, by the lasting one and by both; and
    /// by the windows of each size.
    private static let recentBit: UInt32 = 1
    private static let lastingBit: UInt32 = 2
    private static let bothBit: UInt32 = 4
    private static let firstWindow = 3

    private init(_ fields: Hyperparameters, _ context: LearnerContext) throws(SettingError) {
        guard context.batchMode == .sequential else {
            throw SettingError("sam-knn learns record by record and has no batch mode 'mean'")
        }
        task = context.task
        k = fields.integer("k")
        limit = fields.integer("limit")
        leastWindow = fields.integer("least-window")
        longLimit = max(1, Int(fields.double("long-term") * Double(limit)))
        guard 2 * leastWindow <= limit - longLimit, k < leastWindow else {
            throw SettingError("sam-knn: limit=\(limit) is too small for least-window=\(leastWindow), k=\(k)")
        }
        let numbers = context.attributes.indices.filter { !context.attributes[$0].isNominal }
        order = numbers + context.attributes.indices.filter { context.attributes[$0].isNominal }
        guard (limit + 2) * order.count <= 1 << 26 else { throw SettingError("sam-knn: take a smaller limit") }
        recent = LabeledMemory("short-term", capacity: limit + 2, numbers: numbers.count, width: order.count)
        lasting = LabeledMemory("long-term", capacity: limit + 2, numbers: numbers.count, width: order.count)
        generator = RandomGenerator(seed: context.seed)
        record = Array(repeating: 0, count: order.count)
        distances = Array(repeating: 0, count: 2 * (limit + 2))
        found = Neighbors(limit: k)
        classes[0] = context.task == .binary ? 2 : 0
        stateDidChange()
    }

    public var classCount: Int { Int(classes.base[0]) }

    public var state: [StateEntry] { recent.state + lasting.state + [StateEntry("classes", classes)] + generator.state }

    public func stateDidChange() {
        votes = Array(repeating: 0, count: classCount)
        combined = votes
    }

    public func grow(toClasses count: Int) {
        guard count > classCount else { return }
        classes[0] = Int64(count)
        stateDidChange()
    }

    func pass(_ features: FeatureBatch, _ predictions: PredictionBatch, learning: Bool) {
        predictions.widen(to: task == .binary ? 1 : classCount)
        guard classCount > 0 else { return predictions.clear() }
        for row in 0..<features.rows {
            fill(features.attributes + row * features.attributeCount)
            answer(row, features, predictions)
            guard learning, let target = features.learnedClass(row, of: classCount) else { continue }
            if let learned = features.learningAttributes { fill(learned + row * features.attributeCount) }
            learn(target)
        }
    }

    private func fill(_ values: UnsafePointer<Double>) {
        for (place, index) in order.enumerated() { record[place] = LabeledMemory.stored(values[index]) }
        measure(record)
    }

    private func measure(_ record: [Double]) {
        record.withUnsafeBufferPointer { record in
            distances.withUnsafeMutableBufferPointer { distances in
                guard let record = record.baseAddress, let start = distances.baseAddress else { return }
                recent.measure(record, into: start)
                lasting.measure(record, into: start + recent.count)
            }
        }
    }

    // MARK: Predicting

    private func take(_ range: Range<Int>) { distances.withUnsafeBufferPointer { found.take($0, range) } }

    /// Votes by inverse distance of what was found; the first class of most.
    private func vote() -> Int {
        for index in votes.indices { votes[index] = 0 }
        for index in 0..<found.count {
            let slot = found.slots[index]
            let label = slot < recent.count ? recent.label(slot) : lasting.label(slot - recent.count)
            guard votes.indices.contains(label) else { continue }
            votes[label] += 1 / max(found.distances[index].squareRoot(), 1e-9)
        }
        var best = 0
        for index in votes.indices where votes[index] > votes[best] { best = index }
        return best
    }

    /// By the memory that was right most often.
    private func answer(_ row: Int, _ features: FeatureBatch, _ predictions: PredictionBatch) {
        var right = (recent: 0, lasting: 0, both: 0)
        for place in 0..<recent.count {
            let mark = recent.mark(place)
            right.recent += mark & Self.recentBit != 0 ? 1 : 0
            right.lasting += mark & Self.lastingBit != 0 ? 1 : 0
            right.both += mark & Self.bothBit != 0 ? 1 : 0
        }
        let (short, all) = (recent.count, recent.count + lasting.count)
        found.removeAll()
        if right.recent >= right.lasting, right.recent >= right.both {
            take(0..<short)
        } else {
            take((right.lasting >= right.both ? short : 0)..<all)
        }
        _ = vote()
        votes.withUnsafeMutableBufferPointer { votes in
            guard let votes = votes.baseAddress else { return }
            ClassVotes.write(votes, classCount, row, task: task, features, predictions)
        }
    }

    // MARK: Learning

    /// Windows of the recent memory with `count` records: sizes count, count / 2, ... down to the least.
    private func windows(_ count: Int) -> Int {
        var number = 1
        while count >> number >= leastWindow, number < 28 { number += 1 }
        return number
    }

    private static func bit(_ window: Int) -> UInt32 { 1 << UInt32(firstWindow + window) }

    /// The first record of a window.
    private func start(_ window: Int) -> Int { recent.count - recent.count >> window }

    private func learn(_ target: Int) {
        let mark = judge(target)
        let before = windows(recent.count)
        record.withUnsafeBufferPointer { if let start = $0.baseAddress { recent.append(start, target) } }
        recent.setMark(recent.count - 1, mark)
        if makeRoom() {
            for window in 0..<windows(recent.count) { judgeAgain(window) }
        } else if windows(recent.count) > before {
            judgeAgain(windows(recent.count) - 1)
        }
        clean(by: recent.count - 1, from: 0)
        adapt()
    }

    /// Which memories, and which windows that will end with the record, predict it rightly; distances are the record's.
    private func judge(_ target: Int) -> UInt32 {
        var mark: UInt32 = 0
        let (short, all) = (recent.count, recent.count + lasting.count)
        found.removeAll()
        take(short..<all)
        if vote() == target { mark |= Self.lastingBit }
        found.removeAll()
        var end = short
        for window in stride(from: windows(short + 1) - 1, through: 0, by: -1) {
            let start = short + 1 - (short + 1) >> window
            take(start..<end)
            end = start
            if vote() == target { mark |= Self.bit(window) }
        }
        if mark & Self.bit(0) != 0 { mark |= Self.recentBit }
        take(short..<all)
        if vote() == target { mark |= Self.bothBit }
        return mark
    }

    /// A window's marks from the beginning, each record predicted by those before it in the window.
    private func judgeAgain(_ window: Int) {
        let (start, bit) = (start(window), Self.bit(window))
        for place in start..<recent.count {
            distances.withUnsafeMutableBufferPointer { distances in
                if let into = distances.baseAddress { recent.measure(recent.row(place), from: start, into: into) }
            }
            found.removeAll()
            take(start..<place)
            let isRight = vote() == recent.label(place)
            recent.setMark(place, isRight ? recent.mark(place) | bit : recent.mark(place) & ~bit)
        }
    }

    /// Keeps both memories within the limit. Returns whether the recent one lost records.
    private func makeRoom() -> Bool {
        guard recent.count + lasting.count > limit else { return false }
        guard lasting.count <= longLimit else {
            condense()
            return false
        }
        let moved = longLimit - lasting.count + 1
        for place in 0..<moved { lasting.append(recent.row(place), recent.label(place)) }
        recent.removeFirst(moved)
        condense()
        return true
    }

    private func condense() { lasting.condense(classes: classCount, generator) }

    /// Takes out of the lasting memory, from a place on, what contradicts a recent record: among its k nearest there,
    /// another class no farther away than the farthest of its own among its k nearest recent ones.
    private func clean(by place: Int, from first: Int) {
        guard recent.count > k, lasting.count > first else { return }
        measure(Array(UnsafeBufferPointer(start: recent.row(place), count: recent.width)))
        found.removeAll()
        take(0..<place)
        take(place + 1..<recent.count)
        let label = recent.label(place)
        var reach = 0.0
        for index in 0..<found.count where recent.label(found.slots[index]) == label {
            reach = max(reach, found.distances[index])
        }
        found.removeAll()
        take(recent.count + first..<recent.count + lasting.count)
        var isGone: [Bool] = []
        for index in 0..<found.count where found.distances[index] <= reach {
            let slot = found.slots[index] - recent.count
            guard lasting.label(slot) != label else { continue }
            if isGone.isEmpty { isGone = Array(repeating: false, count: lasting.count) }
            isGone[slot] = true
        }
        if !isGone.isEmpty { lasting.remove(where: isGone) }
    }

    /// Shortens the recent memory to the window whose records were predicted best, the largest of several. A record's
    /// marks are of windows that began where they did when it came: those that seem better are judged again first.
    private func adapt() {
        let number = windows(recent.count)
        guard number > 1 else { return }
        let whole = error(0)
        var best = (window: 0, error: whole)
        for window in 1..<number where error(window) < whole {
            judgeAgain(window)
            let error = error(window)
            if error < best.error { best = (window, error) }
        }
        if best.window > 0 { shorten(to: best.window) }
    }

    /// The share of a window's records, but for the first k, that those before them predicted wrongly.
    private func error(_ window: Int) -> Double {
        let first = start(window) + k
        var right = 0
        for place in first..<max(recent.count, first) where recent.mark(place) & Self.bit(window) != 0 { right += 1 }
        return 1 - Double(right) / Double(max(1, recent.count - first))
    }

    /// Leaves a window in the recent memory. What leaves it becomes lasting unless the window contradicts it.
    private func shorten(to window: Int) {
        let (moved, first) = (start(window), lasting.count)
        for place in 0..<moved { lasting.append(recent.row(place), recent.label(place)) }
        recent.removeFirst(moved)
        let low = Self.bit(0) - 1
        for place in 0..<recent.count {
            let mark = recent.mark(place)
            recent.setMark(place, mark & low | mark >> UInt32(window) & ~low)
        }
        for place in 0..<recent.count { clean(by: place, from: first) }
    }
}

extension SelfAdjustingNeighbors {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "sam-knn", "k nearest neighbours in a short-term and a long-term memory: for drift of any kind",
            fields: [
                HyperparameterField("k", .integer(1...100), default: "5", "neighbours that vote, by inverse distance"),
                HyperparameterField("limit", .integer(100...1_000_000), default: "5000", "records in both memories"),
                HyperparameterField("least-window", .integer(10...100_000), default: "50", "of the short-term memory"),
                HyperparameterField(
                    "long-term", .number(0.01...0.9), default: "0.4", "share of the limit for the long-term memory"),
            ]),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: true)
    ) { fields, context throws(SettingError) in try SelfAdjustingNeighbors(fields, context) }
}

import CBytes
import Records
import State
import Statistics

/// What is known of a stream after one pass over it, in bounded memory: every field by itself, with the target, and the
/// records as wholes.
///
/// Profiles of the same plan merge: `merge` makes one that has seen both streams, this one's first.
public final class DatasetProfile: Stateful {
    public let plan: ProfilePlan
    let numbers: [NumberProfile]
    let texts: [TextProfile]
    let time: TimeProfile?
    /// Records by the hash of their bytes.
    let contents: DistinctSample
    /// Records, rejected ones.
    private let totals: StateArray<Int64>
    private let classes: ClassBins
    private var targets: [Double] = []
    private var targetBins: [Int32] = []

    public init(_ plan: ProfilePlan) {
        self.plan = plan
        numbers = plan.fields.filter(\.isNumber).map { NumberProfile(edges: $0.edges, targetBins: plan.targetBins) }
        texts = plan.fields.filter { !$0.isNumber }.map { _ in TextProfile(targetBins: plan.targetBins) }
        time = plan.time.map { _ in TimeProfile() }
        contents = DistinctSample()
        totals = StateArray(count: 2)
        classes = ClassBins(plan.schema.classes.prefix(ProfilePlan.maximumClasses))
    }

    public var state: [StateEntry] {
        var state = [StateEntry("totals", totals)] + contents.state.prefixed("contents")
        if let time { state += time.state.prefixed("time") }
        for field in plan.fields {
            let own = field.isNumber ? numbers[field.column].state : texts[field.column].state
            state += own.prefixed("fields/\(field.name)")
        }
        return state
    }

    public var records: Int { Int(totals[0]) }
    public var rejected: Int { Int(totals[1]) }

    /// Learns the rows of a batch, and counts what was rejected.
    public func learn(_ batch: RecordBatch) {
        let rows = batch.rows
        totals[0] += Int64(rows)
        totals[1] += Int64(batch.rejected.count)
        guard rows > 0 else { return }
        fillTargets(batch)
        targets.withUnsafeBufferPointer { targets in
            targetBins.withUnsafeBufferPointer { bins in
                guard let targets = targets.baseAddress, let bins = bins.baseAddress else { return }
                if let features = batch.features {
                    learnFeatures(batch, features, targets, bins)
                } else {
                    learnFields(batch, targets, bins)
                }
            }
        }
        for row in 0..<rows {
            contents.learn(HashMixing.mix(bytes_xxh3(batch.raw[row].start, batch.raw[row].count)))
        }
        learnTimes(batch)
    }

    private func learnFields(
        _ batch: RecordBatch, _ targets: UnsafePointer<Double>, _ bins: UnsafePointer<Int32>
    ) {
        for (column, profile) in numbers.enumerated() {
            profile.learn(batch.numbers + column * batch.columnStride, batch.rows, targets, bins)
        }
        for (column, profile) in texts.enumerated() {
            profile.learn(batch.rawFields + column * batch.columnStride, batch.rows, bins)
        }
    }

    /// Records that bring features: their label, how many there are, and their values.
    private func learnFeatures(
        _ batch: RecordBatch, _ features: FeatureBatch, _ targets: UnsafePointer<Double>, _ bins: UnsafePointer<Int32>
    ) {
        if let label = plan.target {
            if plan.fields[label].isNumber {
                numbers[plan.fields[label].column].learn(batch.targetNumbers, batch.rows, targets, bins)
            } else {
                texts[plan.fields[label].column].learn(batch.targetTexts, batch.rows, bins)
            }
        }
        let shift = numbers.count - 2
        let unknown = Int32(plan.targetBins)
        for row in 0..<batch.rows {
            var size = Double(features.offsets[row + 1] - features.offsets[row])
            numbers[shift].learn(&size, 1, targets + row, bins + row)
            for index in features.offsets[row]..<features.offsets[row + 1] {
                var value = Double(features.values[index])
                var none = Double.nan
                var bin = unknown
                numbers[shift + 1].learn(&value, 1, &none, &bin)
            }
        }
    }

    /// The target of each row as a number and as a bin.
    private func fillTargets(_ batch: RecordBatch) {
        if targets.count < batch.rows {
            targets = Array(repeating: .nan, count: batch.capacity)
            targetBins = Array(repeating: Int32(plan.targetBins), count: batch.capacity)
        }
        guard let target = plan.target else { return }
        let field = plan.fields[target]
        let unknown = Int32(plan.targetBins)
        let isNative = batch.features != nil
        if field.isNumber {
            let column = isNative ? batch.targetNumbers : batch.numbers + field.column * batch.columnStride
            for row in 0..<batch.rows {
                let value = column[row]
                targets[row] = value
                targetBins[row] = value.isNaN ? unknown : Int32(field.edges.count { $0 < value })
            }
        } else {
            let column = isNative ? batch.targetTexts : batch.rawFields + field.column * batch.columnStride
            let isBinary = plan.task == .binary
            for row in 0..<batch.rows {
                let bin = classes.bin(column[row])
                targetBins[row] = bin.map(Int32.init) ?? unknown
                targets[row] = isBinary && (bin ?? 2) < 2 ? Double(bin ?? 0) : .nan
            }
        }
    }

    private func learnTimes(_ batch: RecordBatch) {
        guard let time, let index = plan.time else { return }
        let field = plan.fields[index]
        if field.isNumber {
            let column = batch.numbers + field.column * batch.columnStride
            for row in 0..<batch.rows { time.learn(column[row] * plan.timeUnit.seconds) }
        } else {
            let column = batch.rawFields + field.column * batch.columnStride
            for row in 0..<batch.rows { time.learn(TimeText.seconds(column[row].buffer)) }
        }
    }

    /// Takes what is still gathering, so that what is asked for includes every record.
    public func settle() { for profile in numbers { profile.settle() } }

    /// Both must be settled, and of the same plan.
    public func merge(_ other: DatasetProfile) {
        for (own, other) in zip(numbers, other.numbers) { own.merge(other) }
        for (own, other) in zip(texts, other.texts) { own.merge(other) }
        if let time, let others = other.time { time.merge(others) }
        contents.merge(other.contents)
        for index in 0..<2 { totals[index] += other.totals[index] }
    }

    /// A settled copy, to look at while this one goes on.
    public func settledCopy() -> DatasetProfile {
        let copy = DatasetProfile(plan)
        Replica(of: self, twin: copy).update()
        copy.settle()
        return copy
    }
}

/// Finds a class by its text.
struct ClassBins {
    private let hashes: [UInt64]

    init(_ names: some Sequence<String>) {
        hashes = names.map { name in
            var name = name
            return name.withUTF8 { bytes in bytes.baseAddress.map { TextProfile.hash($0, bytes.count) } ?? 1 }
        }
    }

    /// The class's index; the number of classes for any other text; nil = missing.
    @inline(__always)
    func bin(_ text: ByteRange) -> Int? {
        guard let start = text.start, text.count > 0 else { return nil }
        let hash = TextProfile.hash(start, text.count)
        return hashes.firstIndex(of: hash) ?? other(text)
    }

    /// A number written in another way (`1.0` for `1`), or a class that the sample did not show.
    @inline(never)
    private func other(_ text: ByteRange) -> Int {
        guard text.count <= 24, let value = Double(text.text), let whole = Int(exactly: value) else {
            return hashes.count
        }
        var name = String(whole)
        let hash = name.withUTF8 { bytes in bytes.baseAddress.map { TextProfile.hash($0, bytes.count) } ?? 1 }
        return hashes.firstIndex(of: hash) ?? hashes.count
    }
}

import Components
import Records

/// Interactions between namespaces of records that bring their own features (`-q ab`, `--cubic abc` in Vowpal
/// Wabbit's words): every combination of one feature from each.
///
/// The product's index is FNV * (FNV * h1 xor h2) xor h3 ... modulo the number of slots, FNV = 16777619; its value is
/// the product of the values. Where a namespace stands twice in a row, pairs count once (i <= j).
public struct NamespaceCross: Sendable, Equatable {
    private static let fnv: UInt32 = 16_777_619
    /// First bytes of the namespaces; nil = any.
    let initials: [UInt8?]

    /// - Throws: when there are fewer than two names, or one is empty.
    public init(parsing specification: String) throws(SettingError) {
        let names = specification.split(separator: ",", omittingEmptySubsequences: false)
        guard names.count >= 2, names.allSatisfy({ !$0.isEmpty }) else {
            throw SettingError("--cross takes at least two namespaces, as in --cross a,b; got '\(specification)'")
        }
        initials = names.map { $0 == "*" ? nil : $0.utf8.first }
    }

    /// Copies `source` to `target` with the interactions behind each row's own features.
    static func apply(_ crosses: [NamespaceCross], _ source: FeatureBatch, into target: FeatureBatch, mask: UInt32) {
        var at = 0
        target.offsets[0] = 0
        for row in 0..<source.rows {
            let own = source.offsets[row]..<source.offsets[row + 1]
            target.reserveFeatures(at + own.count, keeping: at)
            (target.indices + at).update(from: source.indices + own.lowerBound, count: own.count)
            (target.values + at).update(from: source.values + own.lowerBound, count: own.count)
            at += own.count
            let groups = groups(source, row)
            var done: Set<[UInt8]> = []
            for cross in crosses {
                for choice in cross.choices(groups.map(\.initial)) where done.insert(choice.sorted()).inserted {
                    let chosen = choice.compactMap { initial in groups.first { $0.initial == initial }?.features }
                    Combination(source: source, target: target, mask: mask).add(chosen, at: &at)
                }
            }
            target.offsets[row + 1] = at
        }
        target.rows = source.rows
        target.targets.update(from: source.targets, count: source.rows)
        target.classes.update(from: source.classes, count: source.rows)
        target.weights.update(from: source.weights, count: source.rows)
    }

    /// A row's features by namespace, in order of appearance; runs of one namespace are joined.
    private static func groups(_ source: FeatureBatch, _ row: Int) -> [(initial: UInt8, features: [Int])] {
        guard !source.spanEnds.isEmpty else { return [] }
        var groups: [(initial: UInt8, features: [Int])] = []
        let first = row > 0 ? source.spanEnds[row - 1] : 0
        for span in source.spans[first..<source.spanEnds[row]] {
            if let known = groups.firstIndex(where: { $0.initial == span.initial }) {
                groups[known].features.append(contentsOf: span.start..<span.end)
            } else {
                groups.append((span.initial, Array(span.start..<span.end)))
            }
        }
        return groups
    }

    /// The namespaces that each wildcard may stand for, combined; every set once, in byte order.
    private func choices(_ present: [UInt8]) -> [[UInt8]] {
        var combinations: [[UInt8]] = [[]]
        for initial in initials {
            let candidates = initial.map { [$0] } ?? present.sorted()
            combinations = combinations.flatMap { chosen in
                candidates.filter { initial != nil || chosen.isEmpty || chosen[chosen.count - 1] <= $0 }
                    .map { chosen + [$0] }
            }
        }
        return combinations
    }

    /// Nested loops over the chosen namespaces' features.
    private struct Combination {
        let source: FeatureBatch
        let target: FeatureBatch
        let mask: UInt32

        func add(_ chosen: [[Int]], at: inout Int) { descend(chosen, 0, 0, 0, 1, at: &at) }

        private func descend(
            _ chosen: [[Int]], _ depth: Int, _ from: Int, _ hash: UInt32, _ value: Float, at: inout Int
        ) {
            guard depth < chosen.count else {
                target.reserveFeatures(at + 1, keeping: at)
                target.indices[at] = hash & mask
                target.values[at] = value
                at += 1
                return
            }
            let features = chosen[depth]
            let isRepeated = depth > 0 && chosen[depth - 1] == features
            for position in (isRepeated ? from : 0)..<features.count {
                let feature = features[position]
                let next = (depth > 0 ? NamespaceCross.fnv &* hash : 0) ^ source.indices[feature]
                descend(chosen, depth + 1, position, next, value * source.values[feature], at: &at)
            }
        }
    }
}

/// Applies interactions to batches.
public final class NamespaceCrosser {
    private let crosses: [NamespaceCross]
    private let mask: UInt32

    public init(_ crosses: [NamespaceCross], bits: Int) {
        self.crosses = crosses
        mask = UInt32((1 << bits) - 1)
    }

    public func apply(_ source: FeatureBatch, into target: FeatureBatch) {
        NamespaceCross.apply(crosses, source, into: target, mask: mask)
    }
}

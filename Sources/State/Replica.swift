import Dispatch

/// Copies one component's state into a twin made from the same configuration, touching only what changed.
///
/// The owner of `original` calls `note()` at a mini-batch boundary for every replica and `update()` for the one it
/// publishes; readers use the twin only between updates. Cost: what changed since the twin's last update.
public final class Replica {
    private let original: any Stateful
    private let twin: any Stateful
    /// For each array: pages of the twin that are out of date; nil = all of it.
    private var stale: [[UInt8]?]

    public init(of original: any Stateful, twin: any Stateful) {
        self.original = original
        self.twin = twin
        stale = original.state.map { _ in nil }
    }

    /// Takes notice of the changes since the last `note` on all `replicas` of `original`.
    public static func note(_ original: any Stateful, on replicas: [Replica]) {
        for (index, entry) in original.state.enumerated() {
            entry.array.takeChanges { changed, pages in
                for replica in replicas { replica.merge(index, changed, pages) }
            }
        }
    }

    private func merge(_ index: Int, _ changed: UnsafePointer<UInt8>?, _ pages: Int) {
        if index >= stale.count { stale.append(nil) }
        guard let changed, let known = stale[index]?.count, known <= pages else {
            stale[index] = nil
            return
        }
        if known < pages { stale[index]?.append(contentsOf: repeatElement(1, count: pages - known)) }
        stale[index]?.withUnsafeMutableBufferPointer { map in
            for page in 0..<pages { map[page] |= changed[page] }
        }
    }

    /// Brings the twin up to date. Where there is much, two cores copy: the caller's learning waits.
    public func update() {
        let targets = twin.state.map(\.array)
        // The twin may lack arrays at the end.
        let sources = original.state.prefix(targets.count).map(\.array)
        copy(Copies(sources: sources, targets: targets, stale: stale))
        for (index, source) in sources.enumerated() {
            let pages = AnyStateArray.pages(source.byteCount)
            if !source.marksChanges {
                stale[index] = nil
            } else if stale[index]?.count == pages {
                stale[index]?.withUnsafeMutableBufferPointer { $0.update(repeating: 0) }
            } else {
                stale[index] = [UInt8](repeating: 0, count: pages)
            }
        }
        twin.stateDidChange()
    }

    /// What the parts of one update share; they write arrays of their own.
    private struct Copies: @unchecked Sendable {
        let sources: [AnyStateArray]
        let targets: [AnyStateArray]
        let stale: [[UInt8]?]

        func copy(_ index: Int) {
            let source = sources[index]
            guard let map = stale[index], map.count == AnyStateArray.pages(source.byteCount) else {
                return targets[index].copy(from: source, stale: nil)
            }
            map.withUnsafeBufferPointer { targets[index].copy(from: source, stale: $0.baseAddress) }
        }
    }

    /// Arrays in parts of about `AnyStateArray.copyPartSize` bytes.
    private func copy(_ copies: Copies) {
        let size = copies.sources.reduce(0) { $0 + $1.byteCount }
        guard size >= AnyStateArray.sharedCopySize else {
            for index in copies.sources.indices { copies.copy(index) }
            return
        }
        var ends: [Int] = []
        var open = 0
        for (index, source) in copies.sources.enumerated() {
            open += source.byteCount
            if open >= AnyStateArray.copyPartSize || index == copies.sources.count - 1 {
                ends.append(index + 1)
                open = 0
            }
        }
        DispatchQueue.concurrentPerform(iterations: ends.count) { [ends] part in
            for index in (part == 0 ? 0 : ends[part - 1])..<ends[part] { copies.copy(index) }
        }
    }
}

/// All replicas of one original: what changed must be noted on all of them at once, or one would miss it.
public final class ReplicaGroup {
    private let original: any Stateful
    private var replicas: [Replica] = []

    public init(of original: any Stateful) { self.original = original }

    public func makeReplica(twin: any Stateful) -> Replica {
        let replica = Replica(of: original, twin: twin)
        replicas.append(replica)
        return replica
    }

    /// The owner, at a mini-batch boundary, before any of the replicas is updated.
    public func note() { Replica.note(original, on: replicas) }
}

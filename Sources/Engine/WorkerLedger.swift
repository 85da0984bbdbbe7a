import Connectors
import Glibc
import Snapshots
import Synchronization

/// Says from where a part is consumed: at the furthest position that any worker's durable snapshot in the directory has,
/// or this worker's own; and that nobody else of the directory consumes it meanwhile.
///
/// A part is held by a file lock, which ends with its process; so a worker that hangs keeps its parts until it is gone,
/// and what it learned of them is in its snapshot or nowhere before another goes on.
final class WorkerLedger: PartLedger {
    private let directory: WorkerDirectory?
    private let registry: GroupRegistry?
    let warn: @Sendable (String) -> Void

    private struct Contents {
        /// The next offset of every part this worker consumed of.
        var own: [String: Int] = [:]
        var locks: [String: [FileLock]] = [:]
        /// Positions in the others' snapshots, by path: a snapshot never changes.
        var known: [String: [PartPosition]] = [:]
        var worker = String(UInt64.random(in: .min ... .max), radix: 36)
    }
    private let contents = Mutex(Contents())

    /// - Parameters:
    ///   - directory: nil = no snapshots, nothing is durable.
    ///   - group: whose members share the parts; nil: nobody does.
    init(_ directory: WorkerDirectory?, group: String? = nil, warn: @escaping @Sendable (String) -> Void) {
        self.directory = directory
        registry = group.flatMap { group in directory.flatMap { GroupRegistry(group: group, directory: $0.path) } }
        self.warn = warn
    }

    var worker: String { contents.withLock { $0.worker } }

    /// Takes the name that a snapshot brings; without one, keeps its own. Returns the name in force.
    func adopt(_ name: String) -> String {
        contents.withLock { contents in
            if !name.isEmpty { contents.worker = name }
            return contents.worker
        }
    }

    var isDurable: Bool { directory != nil }

    /// This worker's positions are these, and no others.
    func set(_ positions: [PartPosition]) {
        contents.withLock { contents in
            contents.own = Dictionary(positions.map { ($0.name, $0.offset) }, uniquingKeysWith: max)
        }
    }

    func claim(_ part: String) throws(ConnectorError) -> PartClaim {
        guard let directory else { return .granted(next: contents.withLock { $0.own[part] }) }
        do {
            return try contents.withLock { contents in
                if contents.locks[part] == nil {
                    var locks: [FileLock] = []
                    for path in try lockPaths(part, in: directory) {
                        var holder = ""
                        guard let lock = try FileLock(path: path, holder: &holder) else { return .held(by: holder) }
                        locks.append(lock)
                    }
                    contents.locks[part] = locks
                }
                var next = contents.own[part]
                for other in directory.others + (registry?.others() ?? []) {
                    for position in newestPositions(in: other, &contents.known) where position.name == part {
                        next = max(next ?? 0, position.offset)
                    }
                }
                return .granted(next: next)
            }
        } catch { throw ConnectorError("\(error)") }
    }

    func release(_ part: String) {
        // Whoever takes it over lives now, and may not when it comes back.
        _ = registry?.others()
        contents.withLock { $0.locks[part] = nil }
    }

    /// One in the directory, for workers that share it from several machines; one on this machine, for workers with
    /// directories of their own.
    private func lockPaths(_ part: String, in directory: WorkerDirectory) throws -> [String] {
        let parts = directory.root + "/parts"
        guard mkdir(parts, 0o755) == 0 || errno == EEXIST else {
            throw SnapshotError("cannot create '\(parts)': \(String(cString: strerror(errno)))")
        }
        let name = String(part.map { $0 == "/" ? "-" : $0 }) + ".lock"
        return ([parts] + (registry.map { [$0.parts] } ?? [])).map { $0 + "/" + name }
    }

    private func newestPositions(in directory: String, _ known: inout [String: [PartPosition]]) -> [PartPosition] {
        guard let paths = try? SnapshotStore.paths(in: directory) else { return [] }
        for path in paths.reversed() {
            if let positions = known[path] { return positions }
            do {
                let snapshot = try Snapshot(path: path)
                try snapshot.verify()
                guard let position = snapshot.metadata["position"].flatMap(RunPosition.init) else { continue }
                known[path] = position.parts
                return position.parts
            } catch { warn("another worker's snapshot cannot be read: \(error); using the one before it") }
        }
        return []
    }
}

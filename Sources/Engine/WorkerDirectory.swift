import Glibc
import Snapshots

/// One worker's place in a directory of snapshots, locked while the run lasts.
///
/// Several workers of a group share one directory: the first takes DIR itself, the others DIR/worker-2, DIR/worker-3
/// and so on, each the first that is free; so the next process that starts takes up where one that died had stood.
final class WorkerDirectory: Sendable {
    static let maximumWorkers = 1024
    /// What the user named.
    let root: String
    /// Where this worker's snapshots are.
    let path: String
    private let lock: FileLock

    /// - Parameter isShared: take another place when the first is in use, instead of failing.
    init(root: String, isShared: Bool) throws {
        self.root = root
        guard mkdir(root, 0o755) == 0 || errno == EEXIST else {
            throw SnapshotError("cannot create '\(root)': \(String(cString: strerror(errno)))")
        }
        for number in 1...(isShared ? Self.maximumWorkers : 1) {
            let path = Self.path(root, number)
            if number > 1, mkdir(path, 0o755) != 0, errno != EEXIST {
                throw SnapshotError("cannot create '\(path)': \(String(cString: strerror(errno)))")
            }
            if let lock = try FileLock(directory: path) {
                self.path = path
                self.lock = lock
                return
            }
        }
        throw EngineError(
            "'\(root)' is in use by another process: a directory of snapshots belongs to one run at a time. "
                + "Stop that one, or give this one a directory of its own")
    }

    private static func path(_ root: String, _ number: Int) -> String {
        number == 1 ? root : "\(root)/worker-\(number)"
    }

    /// The places of the other workers that ever were.
    var others: [String] {
        var found: [String] = []
        for number in 1...Self.maximumWorkers {
            let path = Self.path(root, number)
            guard access(path, R_OK | X_OK) == 0 else { break }
            if path != self.path { found.append(path) }
        }
        return found
    }
}

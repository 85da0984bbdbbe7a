import CBytes
import Glibc
import Snapshots
import State
import Synchronization

/// The workers of one group on this machine, wherever each keeps its snapshots: an entry a worker, locked while it lives,
/// that names its directory; and a lock for every part somebody consumes.
///
/// It holds nothing of value and may vanish (it lies with the temporary files): a worker remembers those it has met.
final class GroupRegistry: Sendable {
    /// Locks of parts lie here.
    let parts: String
    private let workers: String
    private let entry: FileLock
    private let name: String
    private let met = Mutex<[String]>([])

    /// - Parameters:
    ///   - group: names the group and its cluster.
    ///   - directory: where this worker's snapshots are.
    /// - Returns: nil when there is no place for it; then workers with directories of their own know nothing of each other.
    init?(group: String, directory: String) {
        let hash = Array(group.utf8).withUnsafeBytes { Digest.of($0) }
        let base = "/tmp/thalweg-\(getuid())"
        parts = "\(base)/\(hash)/parts"
        workers = "\(base)/\(hash)/workers"
        for path in [base, "\(base)/\(hash)", parts, workers] {
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { return nil }
        }
        // Somebody else could have made the first one.
        var status = stat()
        guard lstat(base, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == getuid(),
            let resolved = realpath(directory, nil)
        else { return nil }
        defer { free(resolved) }
        // Somebody who looks just now may take a new entry for one whose worker is gone, and remove it.
        for _ in 0..<10 {
            let name = "\(getpid())-\(UInt32.random(in: .min ... .max))"
            let path = "\(workers)/\(name)"
            var holder = ""
            guard let lock = try? FileLock(path: path, text: String(cString: resolved), holder: &holder),
                access(path, F_OK) == 0
            else { continue }
            self.name = name
            entry = lock
            return
        }
        return nil
    }

    deinit { unlink("\(workers)/\(name)") }

    /// Directories of the other workers that were alive at any time this one looked.
    func others() -> [String] {
        met.withLock { met in
            for path in alive() where !met.contains(path) { met.append(path) }
            return met
        }
    }

    private func alive() -> [String] {
        guard let stream = opendir(workers) else { return [] }
        defer { closedir(stream) }
        var found: [String] = []
        while let item = readdir(stream) {
            let other = withUnsafeBytes(of: &item.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard !other.hasPrefix("."), other != name else { continue }
            var directory = ""
            if (try? FileLock(path: "\(workers)/\(other)", text: "", holder: &directory)) != nil {
                // Its worker is gone.
                unlink("\(workers)/\(other)")
            } else if !directory.isEmpty {
                found.append(directory)
            }
        }
        return found.sorted()
    }
}

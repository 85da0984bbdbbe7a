import Glibc
import JSON
import Snapshots

/// The snapshots of a directory, for those who look from outside. Names are compared with what is there, never made part
/// of a path.
public struct SnapshotCatalog: Sendable {
    public struct Entry: Sendable {
        public let name: String
        public let bytes: Int
        /// When it was durable, in seconds since 1970.
        public let time: Double
        /// Records learned.
        public let version: Int
        /// Records consumed.
        public let records: Int
        public let positions: [(part: String, offset: Int)]
    }

    private let directory: String

    init(_ directory: String) { self.directory = directory }

    /// Newest first. One that cannot be read is not there.
    public var entries: [Entry] { ((try? SnapshotStore.paths(in: directory)) ?? []).reversed().compactMap(entry(at:)) }

    /// Nil: there is none of that name.
    public func entry(named name: String) -> Entry? {
        let paths = (try? SnapshotStore.paths(in: directory)) ?? []
        return paths.first { Self.name($0) == name }.flatMap(entry(at:))
    }

    private func entry(at path: String) -> Entry? {
        var status = stat()
        guard stat(path, &status) == 0, let snapshot = try? Snapshot(path: path) else { return nil }
        let metadata = snapshot.metadata
        let parts = metadata["position"].flatMap(RunPosition.init)?.parts ?? []
        return Entry(
            name: Self.name(path), bytes: Int(status.st_size),
            time: Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) / 1e9,
            version: metadata["version"]?.integer ?? 0, records: metadata["records"]?.integer ?? 0,
            positions: parts.map { ($0.name, $0.offset) })
    }

    static func name(_ path: String) -> String { path.split(separator: "/").last.map { String($0) } ?? path }
}

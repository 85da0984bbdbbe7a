import Glibc

/// Small files and the environment, read whole.
enum TextFile {
    static func read(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw UsageError("cannot open '\(path)': \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw UsageError("cannot read '\(path)': \(String(cString: strerror(errno)))") }
            if count == 0 { break }
            bytes.append(contentsOf: buffer[..<count])
            guard bytes.count <= 16 << 20 else { throw UsageError("'\(path)' is too large for a configuration file") }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw UsageError("'\(path)' is not UTF-8 text")
        }
        return text
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}

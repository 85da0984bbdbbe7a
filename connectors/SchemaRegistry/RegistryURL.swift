import Formats

/// The address of a schema registry: `http(s)://HOST[:PORT][/PATH]`.
struct RegistryURL: Sendable {
    let isSecure: Bool
    let host: String
    let port: Int
    /// Before every request's own path; empty, or begins with `/` and ends without.
    let path: String

    /// What may be shown: it has no credentials in it.
    var text: String { "\(isSecure ? "https" : "http")://\(hostAndPort)\(path)" }

    /// For the `Host` header.
    var hostAndPort: String {
        let shown = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? shown : "\(shown):\(port)"
    }

    /// An address instead of a name.
    var isAddress: Bool { host.contains(":") || host.allSatisfy { $0.isNumber || $0 == "." } }

    init(parsing text: String) throws(FormatError) {
        let wanted = "it takes http://HOST:PORT or https://HOST:PORT"
        guard let scheme = text.firstRange(of: "://") else { throw FormatError(wanted) }
        let rest = text[scheme.upperBound...]
        let authority = rest.prefix { $0 != "/" }
        // Whatever stands before an @ may be a secret: it is not shown.
        guard !authority.contains("@") else {
            throw FormatError(
                "credentials do not belong into the URL: put USER:PASSWORD into a file (schema-registry-credentials-file) "
                    + "or into THALWEG_SCHEMA_REGISTRY_CREDENTIALS")
        }
        switch text[..<scheme.lowerBound].lowercased() {
        case "http": isSecure = false
        case "https": isSecure = true
        default: throw FormatError(wanted)
        }
        var path = String(rest.dropFirst(authority.count))
        while path.hasSuffix("/") { path.removeLast() }
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") })
        else {
            throw FormatError("\(wanted), and a path without query")
        }
        self.path = path
        var host = authority
        var port: Substring?
        if authority.hasPrefix("["), let close = authority.firstIndex(of: "]") {
            host = authority[authority.index(after: authority.startIndex)..<close]
            let after = authority[authority.index(after: close)...]
            if after.hasPrefix(":") { port = after.dropFirst() }
        } else if let colon = authority.lastIndex(of: ":") {
            host = authority[..<colon]
            port = authority[authority.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw FormatError(wanted) }
        guard let number = port.map({ Int($0) }) ?? (isSecure ? 443 : 80), (1...65_535).contains(number) else {
            throw FormatError("\(wanted), the port being a number from 1 to 65535")
        }
        self.host = String(host)
        self.port = number
    }
}

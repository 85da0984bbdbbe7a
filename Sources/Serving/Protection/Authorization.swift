import HTTPTypes

extension ServiceState {
    /// Lets a request pass whose token has the role.
    func authorize(_ request: HTTPRequest, _ role: Role?) throws(Failure) {
        guard let role, !options.tokens.isEmpty else { return }
        let scheme = "bearer "
        guard let header = request.headerFields[.authorization], header.lowercased().hasPrefix(scheme),
            let found = options.tokens.role(of: header.utf8.dropFirst(scheme.utf8.count).drop { $0 == 0x20 })
        else {
            var failure = Failure(.unauthorized, "this needs a token: Authorization: Bearer TOKEN")
            failure.headers[.wwwAuthenticate] = "Bearer"
            throw failure
        }
        guard found >= role else {
            throw Failure(.forbidden, "the token's role is \(found.rawValue); this needs \(role.rawValue)")
        }
    }

    /// Refuses what a page of another site makes a browser send: rebound names and foreign origins.
    func checkOrigin(_ request: HTTPRequest) throws(Failure) {
        guard let authority = request.authority, !authority.isEmpty else {
            throw .badRequest("there is no Host header")
        }
        if options.isLoopback, !Self.isUsualName(authority) {
            let host = Self.host(of: authority)
            guard host == "localhost" || host == "::1" || Self.isLoopbackAddress(host) || host == options.host else {
                throw Failure(.misdirectedRequest, "Host is none of this service's names")
            }
        }
        guard let origin = request.headerFields[.origin] else { return }
        let place = origin.firstRange(of: "://").map { String(origin[$0.upperBound...]) }
        guard place?.lowercased() == authority.lowercased() else {
            throw Failure(.forbidden, "Origin is another site")
        }
    }

    /// The names nearly all requests come with, looked at first.
    private static func isUsualName(_ authority: String) -> Bool {
        for name in ["127.0.0.1", "localhost"] where authority.utf8.starts(with: name.utf8) {
            let rest = authority.utf8.dropFirst(name.utf8.count)
            return rest.isEmpty
                || rest.first == UInt8(ascii: ":") && rest.dropFirst().allSatisfy { 0x30...0x39 ~= $0 }
        }
        return false
    }

    private static func isLoopbackAddress(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    /// The name without its port, in lower case, without the brackets of an IPv6 address.
    private static func host(of authority: String) -> String {
        let lower = authority.lowercased()
        if lower.hasPrefix("["), let end = lower.firstIndex(of: "]") {
            return String(lower[lower.index(after: lower.startIndex)..<end])
        }
        return lower.lastIndex(of: ":").map { String(lower[..<$0]) } ?? lower
    }
}

import Serving
import Testing

struct TokensTests {
    private static let reader = "r0123456789abcdef"
    private static let learner = "l0123456789abcdef"

    @Test func roles() throws {
        let tokens = try Tokens(parsing: "# who may\nread \(Self.reader)\n\nlearn\t\(Self.learner)\r\n")
        #expect(tokens.role(of: Self.reader.utf8) == .read)
        #expect(tokens.role(of: Self.learner.utf8) == .learn)
        #expect(tokens.role(of: "".utf8) == nil)
        #expect(tokens.role(of: (Self.reader + "x").utf8) == nil)
        #expect(tokens.role(of: Self.reader.dropLast().utf8) == nil)
        #expect(Role.read < .learn && Role.learn < .admin)
    }

    @Test(arguments: ["", "# none", "read", "write \(reader)", "read short", "read \(reader) more"])
    func refused(_ text: String) {
        #expect(throws: ServiceError.self) { try Tokens(parsing: text) }
        do throws(ServiceError) { _ = try Tokens(parsing: text) } catch {
            #expect(!error.description.contains(Self.reader), "a message shows no token")
        }
    }
}

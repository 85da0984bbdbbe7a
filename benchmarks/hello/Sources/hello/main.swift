// Hummingbird's hello world, for comparison: `hello PORT BYTES`. GET /hello answers BYTES bytes; POST /hello reads the
// request's body first.
import Hummingbird
import Logging

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let port = arguments.first ?? 8081
let text = String(repeating: "h", count: arguments.dropFirst().first ?? 13)

let router = Router()
router.get("hello") { _, _ in text }
router.post("hello") { request, _ -> String in
    _ = try await request.body.collect(upTo: 1 << 24)
    return text
}
var logger = Logger(label: "hello")
logger.logLevel = .critical
let application = Application(
    router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
try await application.runService()

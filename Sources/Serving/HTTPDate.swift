import Glibc
import HTTPTypes

/// The `Date` of answers, written once a second.
struct HTTPDate {
    private var second = -1
    private var current = HTTPField(name: .date, value: "")

    var field: HTTPField {
        mutating get {
            var now = time(nil)
            if now == second { return current }
            second = now
            var parts = tm()
            gmtime_r(&now, &parts)
            let text = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                buffer[strftime(buffer.baseAddress, 63, "%a, %d %b %Y %H:%M:%S GMT", &parts)] = 0
                return buffer.baseAddress.map { String(cString: $0) } ?? ""
            }
            current = HTTPField(name: .date, value: text)
            return current
        }
    }
}

import Dispatch
import Glibc
import Profile

/// A profile on a terminal's stderr while it grows, rewritten in place about once a second.
struct LiveTable {
    private static let interval: UInt64 = 1_000_000_000
    private let started = DispatchTime.now().uptimeNanoseconds
    private var shownAt = DispatchTime.now().uptimeNanoseconds
    private var height = 0
    private let isShown: Bool

    /// - Parameter isWanted: false = nothing is ever shown; neither is it where stderr is no terminal.
    init(isWanted: Bool) { isShown = isWanted && isatty(2) == 1 }

    /// Seconds since it was made.
    var seconds: Double { Double(DispatchTime.now().uptimeNanoseconds - started) / 1e9 }

    /// Shows the profile if it is time to.
    mutating func update(_ profile: DatasetProfile) {
        guard isShown else { return }
        let now = DispatchTime.now().uptimeNanoseconds
        guard now - shownAt >= Self.interval else { return }
        shownAt = now
        let size = Terminal.size(2)
        let lines = ProfileTable(DatasetSummary(profile.settledCopy()), isColoured: Terminal.hasColours(2))
            .lines(seconds: seconds, advice: nil, limit: size.rows - 1, width: size.columns - 1)
        clear()
        put(lines.joined(separator: "\n") + "\n")
        height = lines.count
    }

    /// Takes the table off the screen.
    mutating func clear() {
        if height > 0 { put("\u{1b}[\(height)A\r\u{1b}[J") }
        height = 0
    }

    private func put(_ text: String) {
        var text = text
        text.withUTF8 { _ = write(2, $0.baseAddress, $0.count) }
    }
}

/// What a terminal can do.
enum Terminal {
    /// Rows and columns; 24 by 120 where nobody says.
    static func size(_ descriptor: Int32) -> (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 4, size.ws_col > 20 else {
            return (24, 120)
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    static func hasColours(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 && getenv("NO_COLOR") == nil }
}

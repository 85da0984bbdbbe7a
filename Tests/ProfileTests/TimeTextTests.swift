import Testing

@testable import Profile

@Suite struct TimeTextTests {
    /// Python 3.11: datetime.fromisoformat(text).timestamp(), without a zone as UTC.
    @Test(arguments: [
        ("1970-01-01", 0), ("2000-02-29T12:34:56Z", 951_827_696), ("2024-03-10 01:02", 1_710_032_520),
        ("2024-03-10T01:02:03.250+02:00", 1_710_025_323.25), ("1969-12-31T23:59:59Z", -1),
        ("2024-03-10T01:02:03-0530", 1_710_052_323), ("1600-03-01", -11_670_912_000),
    ]) func readsISO8601(_ text: String, _ seconds: Double) {
        #expect(TimeText.seconds(text) == seconds)
    }

    @Test(arguments: ["", "2024", "2024-13-01", "2024-01-32", "12:30", "2024-01-01T", "2024-01-01T10:00Zx", "20240101"])
    func refusesOtherText(_ text: String) { #expect(TimeText.seconds(text) == nil) }

    @Test(arguments: ["1970-01-01T00:00:00Z", "2000-02-29T12:34:56Z", "1969-12-31T23:59:59Z", "2099-12-31T00:00:00Z"])
    func writesWhatItReads(_ text: String) throws {
        #expect(TimeText.text(try #require(TimeText.seconds(text))) == text)
    }

    @Test func unitsFollowTheSize() {
        #expect(TimeUnit(ofSize: 1.7e9) == .seconds && TimeUnit(ofSize: 1.7e12) == .milliseconds)
        #expect(TimeUnit(ofSize: 1.7e15) == .microseconds && TimeUnit(ofSize: 1.7e18) == .nanoseconds)
    }
}

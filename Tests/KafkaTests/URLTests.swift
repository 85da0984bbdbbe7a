import Connectors
import Testing

@testable import Kafka

/// What an initializer says is wrong; empty when nothing is.
func complaint(_ body: () throws -> Void) -> String {
    do { try body() } catch { return (error as? ConnectorError)?.description ?? "\(error)" }
    return ""
}

@Suite struct URLTests {
    @Test func everySettingIsRead() throws {
        let options = try KafkaSourceOptions(
            parsing: "kafka://a:9092,[::1]:9093/in,other?group=g&start=-5&until=end&on-out-of-range=latest"
                + "&fields=key,headers")
        #expect(options.brokers == "a:9092,[::1]:9093")
        #expect(options.topics == ["in", "other"])
        #expect(options.group == "g")
        #expect(options.start == .beforeEnd(5))
        #expect(options.untilEnd)
        #expect(options.onOutOfRange == .latest)
        #expect(options.fields == [.key, .headers])
        #expect(try KafkaSourceOptions(parsing: "kafka://a/t?partitions=0,2").partitions == [0, 2])
        let sink = try KafkaSinkOptions(parsing: "kafka://a:1/out?transactional-id=x%20y")
        #expect(sink.topic == "out" && sink.transactionalID == "x y")
    }

    @Test(arguments: [
        ("earliest", KafkaStart.earliest), ("latest", .latest), ("stored", .stored), ("17", .offset(17)),
        ("-3", .beforeEnd(3)), ("@1700000000000", .time(milliseconds: 1_700_000_000_000)),
        ("2023-11-14T22:13:20Z", .time(milliseconds: 1_700_000_000_000)),
        ("2023-11-14T23:13:20.5+01:00", .time(milliseconds: 1_700_000_000_500)),
        ("2023-11-14", .time(milliseconds: 1_699_920_000_000)),
        ("2024-02-29T00:00-0130", .time(milliseconds: 1_709_170_200_000)),
    ])
    func starts(_ text: String, _ start: KafkaStart) throws { #expect(try KafkaStart(parsing: text) == start) }

    @Test(arguments: [
        "", "soon", "--1", "@-1", "2023-02-30", "2023-13-01", "2023-11-14T25:00", "99999999999999999999", "-",
        "2023-11-14T22",
        "1969-01-01",
    ])
    func notStarts(_ text: String) {
        #expect(complaint { _ = try KafkaStart(parsing: text) }.contains("it takes earliest"))
    }

    @Test(arguments: [
        ("http://a/t", "does not begin with kafka://"), ("kafka://a:9092", "no topic is named"),
        ("kafka://a:9092/", "no topic is named"), ("kafka:///t", "is no broker"), ("kafka://a:x/t", "is no broker"),
        ("kafka://a:0/t", "is no broker"), ("kafka://a:9092,/t", "is no broker"), ("kafka://a/t,t", "stands twice"),
        ("kafka://a/t t", "no topic's name"), ("kafka://a/^t.*", "no topic's name"),
        ("kafka://a/..", "no topic's name"),
        ("kafka://a/t?grup=g", "did you mean 'group'?"), ("kafka://a/t?group", "not of the form"),
        ("kafka://a/t?group=", "names no group"), ("kafka://a/t?until=now", "it takes end"),
        ("kafka://a/t?partitions=0,0", "numbers from 0"), ("kafka://a/t?partitions=", "numbers from 0"),
        ("kafka://a/t?on-out-of-range=stopp", "did you mean 'stop'?"),
        ("kafka://a/t?fields=keys", "did you mean 'key'?"),
        ("kafka://a/t?group=%zz", "hexadecimal"), ("kafka://a/t?group=g&partitions=1", "alternatives"),
        ("kafka://a/t?start=stored", "position of a group"),
    ])
    func wrong(_ url: String, _ reason: String) {
        let said = complaint { _ = try KafkaSourceOptions(parsing: url) }
        #expect(said.contains(reason), "\(said)")
    }

    @Test func aPasswordInTheURLIsNotRepeated() {
        let said = complaint { _ = try KafkaSourceOptions(parsing: "kafka://me:hunter2@a:9092/t") }
        #expect(said.contains("sasl.username") && !said.contains("hunter2"))
    }

    @Test func aSinkHasOneTopic() {
        #expect(complaint { _ = try KafkaSinkOptions(parsing: "kafka://a/t,u") }.contains("one topic"))
        #expect(complaint { _ = try KafkaSinkOptions(parsing: "kafka://a/t?group=g") }.contains("no setting 'group'"))
    }
}

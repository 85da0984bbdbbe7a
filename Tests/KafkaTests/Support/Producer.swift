import CRdkafka
import Testing

@testable import Kafka

/// Puts messages into a topic, whatever they are.
final class TestProducer {
    private let client: OpaquePointer
    private let outgoing: Outgoing

    init(_ servers: String, topic: String) throws {
        let configuration = rd_kafka_conf_new()
        for (name, value) in [
            ("bootstrap.servers", servers), ("linger.ms", "2"), ("message.max.bytes", "20000000"),
            ("compression.codec", "lz4"),
        ] { rd_kafka_conf_set(configuration, name, value, nil, 0) }
        rd_kafka_conf_set_log_cb(configuration) { _, _, _, _ in }
        client = try #require(rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nil, 0))
        outgoing = try #require(Outgoing(client, topic: topic))
    }

    deinit {
        rd_kafka_flush(client, 10_000)
        rd_kafka_destroy(client)
    }

    func send(
        _ value: [UInt8]?, key: [UInt8]? = nil, partition: Int32 = 0, headers: [(String, [UInt8])] = []
    ) {
        while true {
            let code = withBytes(key) { key in
                withBytes(value) { value in
                    outgoing.begin(key: key, value: value, partition: partition)
                    return add(headers[...])
                }
            }
            guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else {
                #expect(code == RD_KAFKA_RESP_ERR_NO_ERROR)
                return
            }
            rd_kafka_poll(client, 10)
        }
    }

    func send(_ value: String, key: String? = nil, partition: Int32 = 0) {
        send(Array(value.utf8), key: key.map { Array($0.utf8) }, partition: partition)
    }

    /// `{"n":0}` and so on.
    func sendNumbers(_ numbers: Range<Int>, partition: Int32 = 0, padding: Int = 0) {
        let pad = String(repeating: "x", count: padding)
        for number in numbers {
            send(padding == 0 ? "{\"n\":\(number)}" : "{\"n\":\(number),\"pad\":\"\(pad)\"}", partition: partition)
        }
        flush()
    }

    func flush() { #expect(rd_kafka_flush(client, 10_000) == RD_KAFKA_RESP_ERR_NO_ERROR) }

    private func add(_ headers: ArraySlice<(String, [UInt8])>) -> rd_kafka_resp_err_t {
        guard let (name, value) = headers.first else { return outgoing.send() }
        return name.withCString { name in
            value.withUnsafeBytes { value in
                outgoing.header(name, value)
                return add(headers.dropFirst())
            }
        }
    }
}

private func withBytes<R>(_ bytes: [UInt8]?, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
    guard let bytes else { return body(nil) }
    return bytes.withUnsafeBytes { body($0) }
}

import CRdkafka
import Glibc

/// Puts messages into a producer's queue: the variadic call of librdkafka in its array form, with nothing allocated
/// here.
///
/// Not thread-safe.
final class Outgoing {
    private let client: OpaquePointer
    private let topic: OpaquePointer
    private let arguments = UnsafeMutablePointer<rd_kafka_vu_t>.allocate(capacity: 32)
    private var count = 0

    /// - Parameters:
    ///   - client: must outlive this.
    ///   - topic: nil when librdkafka does not take the name.
    init?(_ client: OpaquePointer, topic name: String) {
        guard let topic = rd_kafka_topic_new(client, name, nil) else { return nil }
        (self.client, self.topic) = (client, topic)
        arguments.initialize(repeating: rd_kafka_vu_t(), count: 32)
    }

    deinit {
        rd_kafka_topic_destroy(topic)
        arguments.deallocate()
    }

    /// Begins a message. What is given must stay valid until `send`.
    ///
    /// - Parameters:
    ///   - key: nil: none.
    ///   - value: nil: a tombstone.
    ///   - partition: nil: the partitioner's.
    func begin(key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?, partition: Int32? = nil, tag: Int = 0) {
        count = 0
        add(RD_KAFKA_VTYPE_RKT) { $0.u.rkt = topic }
        // Bytes of no length still are no tombstone.
        if let value { add(RD_KAFKA_VTYPE_VALUE) { $0.u.mem = .init(ptr: Self.address(value), size: value.count) } }
        if let key { add(RD_KAFKA_VTYPE_KEY) { $0.u.mem = .init(ptr: Self.address(key), size: key.count) } }
        if let partition { add(RD_KAFKA_VTYPE_PARTITION) { $0.u.i32 = partition } }
        add(RD_KAFKA_VTYPE_MSGFLAGS) { $0.u.i = RD_KAFKA_MSG_F_COPY }
        add(RD_KAFKA_VTYPE_OPAQUE) { $0.u.ptr = UnsafeMutableRawPointer(bitPattern: tag) }
    }

    private static func address(_ bytes: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer? {
        // librdkafka takes a null pointer for no value; where there are no bytes any other will do.
        UnsafeMutableRawPointer(mutating: bytes.baseAddress) ?? UnsafeMutableRawPointer(bitPattern: 1)
    }

    /// Adds a header; at most 24.
    func header(_ name: UnsafePointer<CChar>, _ value: UnsafeRawBufferPointer) {
        add(RD_KAFKA_VTYPE_HEADER) {
            $0.u.header = .init(name: name, val: Self.address(value), size: value.count)
        }
    }

    private func add(_ kind: rd_kafka_vtype_t, _ fill: (inout rd_kafka_vu_t) -> Void) {
        guard count < 31 else { return }
        arguments[count] = rd_kafka_vu_t()
        arguments[count].vtype = kind
        fill(&arguments[count])
        count += 1
    }

    /// Puts the message into the queue, which copies it.
    func send() -> rd_kafka_resp_err_t {
        guard let error = rd_kafka_produceva(client, arguments, count) else { return RD_KAFKA_RESP_ERR_NO_ERROR }
        defer { rd_kafka_error_destroy(error) }
        return rd_kafka_error_code(error)
    }
}

import CRdkafka
import Glibc

/// Owns a list of partitions of librdkafka.
final class TopicPartitions {
    let list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    struct Element {
        var topic: String
        var partition: Int32
        var offset: Int64
        var error: rd_kafka_resp_err_t
        var metadata: String?
    }

    init(capacity: Int) { list = rd_kafka_topic_partition_list_new(Int32(clamping: capacity)) }

    deinit { rd_kafka_topic_partition_list_destroy(list) }

    func add(
        _ topic: String, _ partition: Int32, offset: Int64 = Int64(RD_KAFKA_OFFSET_INVALID), metadata: String? = nil
    ) {
        guard let element = rd_kafka_topic_partition_list_add(list, topic, partition) else { return }
        element.pointee.offset = offset
        guard let metadata else { return }
        // The list frees it.
        element.pointee.metadata = UnsafeMutableRawPointer(strdup(metadata))
        element.pointee.metadata_size = metadata.utf8.count
    }

    var count: Int { Int(list.pointee.cnt) }

    /// Copies; for rare use.
    var elements: [Element] { Self.elements(list) }

    static func elements(_ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> [Element] {
        guard let list = list?.pointee, let first = list.elems else { return [] }
        return UnsafeBufferPointer(start: first, count: Int(list.cnt)).compactMap { element in
            guard let topic = element.topic else { return nil }
            let metadata = element.metadata.map { start in
                String(decoding: UnsafeRawBufferPointer(start: start, count: element.metadata_size), as: UTF8.self)
            }
            return Element(
                topic: String(cString: topic), partition: element.partition, offset: element.offset, error: element.err,
                metadata: metadata)
        }
    }
}

import CRdkafka

/// The version of librdkafka at run time.
public var libraryVersion: String { String(cString: rd_kafka_version_str()) }

import CRdkafka
import Connectors
import Synchronization

/// What librdkafka calls back with; outlives its client. The closures are set before the client works and called on the
/// thread that polls it.
final class ClientHooks: @unchecked Sendable {
    let warner: Warner
    let forwardsDebug: Bool
    /// The latest reason of each kind that connecting failed.
    let troubles = Mutex<[(code: rd_kafka_resp_err_t, reason: String)]>([])
    let errors = Atomic<Int>(0)
    let disconnects = Atomic<Int>(0)
    /// Every broker was lost, and none has answered since.
    let isDown = Atomic<Bool>(false)
    var onRebalance: (rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> Void = { _, _ in }
    var onCommit: (rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> Void = { _, _ in }
    var onDelivery: (UnsafePointer<rd_kafka_message_t>) -> Void = { _ in }

    init(_ warner: Warner, forwardsDebug: Bool) {
        self.warner = warner
        self.forwardsDebug = forwardsDebug
    }

    fileprivate func failed(_ code: rd_kafka_resp_err_t, _ reason: String) {
        errors.add(1, ordering: .relaxed)
        if code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
            disconnects.add(1, ordering: .relaxed)
        }
        if code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN { isDown.store(true, ordering: .relaxed) }
        troubles.withLock { troubles in
            troubles.removeAll { $0.code == code }
            troubles.append((code, reason))
        }
        warner.warn("errors", "kafka: \(reason)")
    }

    /// - Parameter level: of syslog: 4 is a warning, 7 what the property `debug` asked for.
    fileprivate func logged(level: Int32, _ facility: String, _ line: String) {
        if forwardsDebug { return warner.debug("kafka: \(facility): \(line)") }
        guard level <= 4 else { return }
        // The error callback says the same of broken connections.
        if facility == "FAIL" || facility == "ERROR" { return }
        warner.warn("log \(facility)", "kafka: \(line)")
    }

    /// The hooks that stand behind an opaque pointer of librdkafka.
    fileprivate static func from(_ opaque: UnsafeMutableRawPointer?) -> ClientHooks? {
        opaque.map { Unmanaged<ClientHooks>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// Owns a client of librdkafka and what it calls back with.
final class Client: @unchecked Sendable {
    let handle: OpaquePointer
    let hooks: ClientHooks
    private let retained: Unmanaged<ClientHooks>
    private let isAbandoned = Atomic<Bool>(false)

    init(
        _ kind: rd_kafka_type_t, _ configuration: ClientConfiguration, _ hooks: ClientHooks, _ redactor: Redactor
    ) throws(ConnectorError) {
        self.hooks = hooks
        retained = Unmanaged.passRetained(hooks)
        let opaque = retained.toOpaque()
        configuration.register { conf in
            rd_kafka_conf_set_opaque(conf, opaque)
            rd_kafka_conf_set_log_cb(conf) { client, level, facility, line in
                guard let client, let facility, let line else { return }
                let hooks = ClientHooks.from(rd_kafka_opaque(client))
                hooks?.logged(level: level, String(cString: facility), String(cString: line))
            }
            rd_kafka_conf_set_error_cb(conf) { _, code, reason, opaque in
                let text = reason.map { String(cString: $0) } ?? ""
                ClientHooks.from(opaque)?.failed(rd_kafka_resp_err_t(rawValue: code), text)
            }
            if kind == RD_KAFKA_CONSUMER {
                rd_kafka_conf_set_rebalance_cb(conf) { _, code, list, opaque in
                    ClientHooks.from(opaque)?.onRebalance(code, list)
                }
                rd_kafka_conf_set_offset_commit_cb(conf) { _, code, list, opaque in
                    ClientHooks.from(opaque)?.onCommit(code, list)
                }
            } else {
                rd_kafka_conf_set_dr_msg_cb(conf) { _, message, opaque in
                    if let message { ClientHooks.from(opaque)?.onDelivery(message) }
                }
            }
        }
        do throws(ConnectorError) { handle = try configuration.makeClient(kind, redactor) } catch {
            retained.release()
            throw error
        }
    }

    deinit {
        guard !isAbandoned.load(ordering: .relaxed) else { return }
        rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
        retained.release()
    }

    /// Leaves the handle to the end of the process: before 2.2.1, destroying a cooperative consumer that was never
    /// given partitions crashes (librdkafka issue 4312).
    func abandonIfFragile() { if rd_kafka_version() < 0x0202_01ff { isAbandoned.store(true, ordering: .relaxed) } }

    /// What broke the client for good, if anything did.
    var fatalReason: String? {
        var reason = [CChar](repeating: 0, count: 512)
        guard rd_kafka_fatal_error(handle, &reason, reason.count) != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        return text(reason)
    }
}

/// What an error code means, for people.
func meaning(_ code: rd_kafka_resp_err_t) -> String { String(cString: rd_kafka_err2str(code)) }

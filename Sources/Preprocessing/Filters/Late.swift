import Components
import Records
import State

/// What becomes of records that come late: whose time lies more than `lateness` before the latest time seen. `reject`
/// puts them into the quarantine, `drop` forgets them, `keep` counts them. A record without a time is never late; one
/// from further in the future than `ahead` does not move the clock.
final class Late: RecordFilter {
    enum Policy: String, CaseIterable { case reject, drop, keep }

    static let descriptor = RecordFilterDescriptor(
        Descriptor(
            "late", "records that come too late: reject, drop or count",
            fields: [
                HyperparameterField("time", .names, default: "", "the field with the record's time"),
                HyperparameterField("lateness", .names, default: "60s", "how late is not too late (30s, 5m, 2h, 1d)"),
                HyperparameterField(
                    "policy", .choice(Policy.allCases.map(\.rawValue)), default: Policy.reject.rawValue,
                    "what becomes of later ones"),
                HyperparameterField(
                    "ahead", .names, default: "1d", "a jump of the clock further than this is taken for an error"),
            ]), rawFields: ["time"]
    ) { parameters, layout throws(SettingError) in
        Late(
            time: try layout.reference(parameters["time"], "late"),
            lateness: try KeyedStatistics.span(parameters["lateness"], "late").value,
            ahead: try KeyedStatistics.span(parameters["ahead"], "late").value,
            policy: Policy(rawValue: parameters["policy"]) ?? .reject)
    }

    private let time: FieldReference
    private let lateness: Double
    private let ahead: Double
    private let policy: Policy
    /// 1 once there was a time, the latest time, jumps in a row that were taken for errors.
    private let clock: StateArray<Double>
    private let late: StateArray<UInt64>

    /// So many jumps in a row are the time that it is.
    private static let jumps = 10.0

    init(time: FieldReference, lateness: Double, ahead: Double, policy: Policy) {
        self.time = time
        self.lateness = lateness
        self.ahead = ahead
        self.policy = policy
        clock = StateArray(count: 3)
        late = StateArray(count: 1)
    }

    var state: [StateEntry] { [StateEntry("clock", clock), StateEntry("late", late)] }
    var notes: [StepNote] { [StepNote("late", count: late[0])] }

    func filter(_ batch: RecordBatch) {
        var row = 0
        while row < batch.rows {
            let now = time.seconds(batch, row)
            guard isLate(now) else {
                row += 1
                continue
            }
            late[0] += 1
            switch policy {
            case .keep: row += 1
            case .drop: batch.removeRow(row)
            case .reject:
                let behind = Int(min(clock[1] - now, 1e15))
                batch.rejectRow(row, "late: \(behind) s behind the latest record, more than \(Int(lateness)) s")
            }
        }
    }

    private func isLate(_ now: Double) -> Bool {
        guard now.isFinite else { return false }
        if clock[0] == 0 {
            clock[0] = 1
            clock[1] = now
            return false
        }
        if now - clock[1] > ahead {
            clock[2] += 1
            guard clock[2] >= Self.jumps else { return false }
        }
        clock[2] = 0
        clock[1] = max(clock[1], now)
        return clock[1] - now > lateness
    }
}

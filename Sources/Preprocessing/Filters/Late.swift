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
    private let policy: Policy
    private let clock: EventClock
    private let late: StateArray<UInt64>

    init(time: FieldReference, lateness: Double, ahead: Double, policy: Policy) {
        self.time = time
        self.lateness = lateness
        self.policy = policy
        clock = EventClock(ahead: ahead)
        late = StateArray(count: 1)
    }

    var state: [StateEntry] { clock.state + [StateEntry("late", late)] }
    var notes: [StepNote] { [StepNote("late", count: late[0])] }

    func filter(_ batch: RecordBatch) {
        var row = 0
        while row < batch.rows {
            let behind = clock.note(time.seconds(batch, row))
            guard behind > lateness else {
                row += 1
                continue
            }
            late[0] += 1
            switch policy {
            case .keep: row += 1
            case .drop: batch.removeRow(row)
            case .reject:
                let seconds = Int(min(behind, 1e15))
                batch.rejectRow(row, "late: \(seconds) s behind the latest record, more than \(Int(lateness)) s")
            }
        }
    }
}

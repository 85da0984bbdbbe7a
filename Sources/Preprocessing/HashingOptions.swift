import CBytes
import Components
import State

/// How categories, words and crosses get one of the hashed slots.
public struct HashingOptions: Sendable {
    static let descriptor = Descriptor(
        "hash", "categories share 2^bits hashed slots (the default)",
        fields: [
            HyperparameterField(
                "salt", .integer(0...1 << 53), default: "0", "another number, other features that share a slot"),
            HyperparameterField(
                "signed", .boolean, default: "false",
                "a second hash gives the value's sign, so that features that share a slot cancel on average "
                    + "(Weinberger et al. 2009)"),
            HyperparameterField("count-collisions", .boolean, default: "false", "count features that share a slot"),
        ])

    let salt: UInt64
    let isSigned: Bool
    let countsCollisions: Bool

    /// As it is without the step.
    public init() { (salt, isSigned, countsCollisions) = (0, false, false) }

    public init(_ parameters: Hyperparameters) {
        let given = UInt64(max(0, parameters.integer("salt")))
        salt = given == 0 ? 0 : bytes_mix(given)
        isSigned = parameters.boolean("signed")
        countsCollisions = parameters.boolean("count-collisions")
    }

    var isPlain: Bool { !isSigned && !countsCollisions }

    /// 1 or -1.
    @inline(__always)
    func sign(_ hash: UInt64) -> Float { isSigned && bytes_mix(hash &+ 0x51ed_270b) & 1 == 1 ? -1 : 1 }
}

/// Counts learned features whose slot another feature took first.
final class CollisionCounter: Stateful {
    /// By slot: part of the hash of the feature that came first; 0 = none.
    private let owners: StateArray<UInt32>
    /// Features, slots taken, features that met another's slot.
    private let counts: StateArray<UInt64>

    init(slots: Int) {
        owners = StateArray(count: slots, marksChanges: true)
        counts = StateArray(count: 3)
    }

    var state: [StateEntry] { [StateEntry("owners", owners), StateEntry("counts", counts)] }

    var notes: [StepNote] {
        [
            StepNote("features", count: counts[0]), StepNote("slots taken", count: counts[1]),
            StepNote("collided features", count: counts[2]),
        ]
    }

    func note(_ slot: Int, _ hash: UInt64) {
        let owner = UInt32(truncatingIfNeeded: bytes_mix(hash)) | 1
        counts[0] += 1
        if owners[slot] == 0 {
            owners[slot] = owner
            counts[1] += 1
        } else if owners[slot] != owner {
            counts[2] += 1
        }
    }
}

/// What becomes of the learner when the detector says drift.
public enum DriftAction: String, Sendable, CaseIterable {
    /// Nothing: those who watch are told.
    case event
    /// It begins anew.
    case reset
    /// A learner that was trained from the warning on takes its place; one that begins anew where none warned.
    case `switch`
}

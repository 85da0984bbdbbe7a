/// Balances two classes the way MOA does: records are drawn until the class is the one whose turn it is. The second
/// class (index 1) comes first.
struct ClassAlternation: Sendable {
    private let isOn: Bool
    private var wanted = 1

    init(isOn: Bool) {
        self.isOn = isOn
    }

    /// Whether a record of this class may be given out now.
    @inline(__always)
    mutating func accepts(_ label: Int) -> Bool {
        if !isOn { return true }
        if label != wanted { return false }
        wanted = 1 - wanted
        return true
    }

    static let option = GeneratorOption.flag("balance", "1 gives as many records of each class, before noise")
}

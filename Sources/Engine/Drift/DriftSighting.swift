/// Something a watch saw, to be told to those who look on.
struct DriftSighting {
    enum Kind: String {
        case warning
        case drift
        case field
    }

    let kind: Kind
    let event: DriftEvent

    init(_ kind: Kind, _ event: DriftEvent) {
        self.kind = kind
        self.event = event
    }
}

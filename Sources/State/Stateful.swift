/// One named array in a component's state, e.g. `learner/weights`.
public struct StateEntry {
    public let name: String
    public let array: AnyStateArray

    public init(_ name: String, _ array: AnyStateArray) {
        self.name = name
        self.array = array
    }
}

/// Something that learns. Its whole state is the arrays it lists here, in a fixed order; nothing else may change by
/// learning. Publishing, snapshots, digests, `inspect` and size accounting all derive from this one declaration.
public protocol Stateful: AnyObject {
    var state: [StateEntry] { get }
    /// Called after the arrays were overwritten (restored or copied), to rebuild what is derived from them.
    func stateDidChange()
}

extension Stateful {
    public func stateDidChange() {}

    /// Bytes of all arrays.
    public var stateByteCount: Int { state.reduce(0) { $0 + $1.array.byteCount } }
}

extension [StateEntry] {
    /// The same entries under a path.
    public func prefixed(_ path: String) -> [StateEntry] { map { StateEntry("\(path)/\($0.name)", $0.array) } }
}

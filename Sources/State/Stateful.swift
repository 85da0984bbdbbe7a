/// One named array in a component's state, e.g. `learner/weights`.
public struct StateEntry {
    /// What stands before a name. Entries of one component share it: a path is put together when somebody asks for a name,
    /// so that listing the thousands of arrays of a large forest, as every publication does, makes no strings.
    private final class Prefix {
        let path: String
        let rest: Prefix?

        init(_ path: String, _ rest: Prefix?) {
            self.path = path
            self.rest = rest
        }
    }

    private let prefix: Prefix?
    private let ownName: String
    public let array: AnyStateArray

    public init(_ name: String, _ array: AnyStateArray) { self.init(nil, name, array) }

    private init(_ prefix: Prefix?, _ name: String, _ array: AnyStateArray) {
        self.prefix = prefix
        ownName = name
        self.array = array
    }

    public var name: String {
        var text = ""
        var part = prefix
        while let one = part {
            text += one.path + "/"
            part = one.rest
        }
        return text + ownName
    }

    /// The same entries under a path.
    static func prefixed(_ entries: [StateEntry], _ path: String) -> [StateEntry] {
        var last = Prefix(path, entries.first?.prefix)
        return entries.map { entry in
            if entry.prefix !== last.rest { last = Prefix(path, entry.prefix) }
            return StateEntry(last, entry.ownName, entry.array)
        }
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
    public func prefixed(_ path: String) -> [StateEntry] { StateEntry.prefixed(self, path) }
}

/// A node of a tree, 32 bytes in a state array.
struct TreeNode {
    enum Kind {
        static let free: Int32 = 0
        /// A leaf with statistics.
        static let active: Int32 = 1
        /// A leaf with class weights alone.
        static let inactive: Int32 = 2
        /// At most the threshold goes left, more goes right.
        static let numeric: Int32 = 3
        /// The code `threshold` goes left, others right.
        static let equal: Int32 = 4
        /// Code k goes to the k-th child.
        static let multiway: Int32 = 5
    }

    /// Of a split: the number it compares with.
    var threshold: Double
    var kind: Int32
    /// Of a split: the attribute.
    var attribute: Int32
    /// A child; multiway: where its children begin in the list of children; free: the next free node, -1 = none.
    var left: Int32
    /// A child; multiway: how many children there are.
    var right: Int32
    /// Of an active leaf: its block; of a split: the child that gets records without the attribute.
    var block: Int32
    /// 1 + the greatest class that its class weights speak of.
    var classes: Int32

    static let words = 4

    @inline(__always) var isSplit: Bool { kind >= Kind.numeric }
    @inline(__always) var isLeaf: Bool { kind == Kind.active || kind == Kind.inactive }
}

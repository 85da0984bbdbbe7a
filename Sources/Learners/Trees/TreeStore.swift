import State

/// The arrays of one tree: nodes, class weights by node, blocks of leaf statistics, lists of children.
///
/// Freed nodes and blocks are used again. Arrays grow by doubling, so that most splits change their content alone and
/// copies for readers take what changed.
final class TreeStore: Stateful {
    private enum Register {
        static let classes = 0
        static let root = 1
        static let nodes = 2
        static let freeNode = 3
        static let blocks = 4
        static let freeBlock = 5
        static let children = 6
        static let liveNodes = 7
        static let active = 8
        static let inactive = 9
        static let random = 10
        static let weightSeen = 11
        static let count = 12
    }

    private let isNominal: [Bool]
    private let registers: StateArray<Int64>
    /// By attribute: codes there is room for.
    private let rooms: StateArray<Int64>
    private let nodeWords: StateArray<UInt64>
    private let weightArray: StateArray<Double>
    private let blockArray: StateArray<Double>
    private let childArray: StateArray<Int32>
    @exclusivity(unchecked) private(set) var layout: ObserverLayout
    /// Valid until something is made or freed.
    @exclusivity(unchecked) private(set) var nodes: UnsafeMutablePointer<TreeNode>
    @exclusivity(unchecked) private var weightBase: UnsafeMutablePointer<Double>
    @exclusivity(unchecked) private var blockBase: UnsafeMutablePointer<Double>

    init(classes: Int, rooms first: [Int64], shape: ObserverLayout.Shape = ObserverLayout.Shape()) {
        isNominal = first.map { $0 > 0 }
        registers = StateArray(count: Register.count)
        rooms = StateArray(first)
        nodeWords = StateArray(count: 0, marksChanges: true, grows: true)
        weightArray = StateArray(count: 0, marksChanges: true, grows: true)
        blockArray = StateArray(count: 0, marksChanges: true, grows: true)
        childArray = StateArray(count: 0, marksChanges: true, grows: true)
        layout = ObserverLayout(classes: classes, values: first.map { Int($0) }, shape: shape)
        nodes = UnsafeMutableRawPointer(nodeWords.base).assumingMemoryBound(to: TreeNode.self)
        weightBase = weightArray.base
        blockBase = blockArray.base
        registers[Register.classes] = Int64(classes)
        clear()
    }

    var state: [StateEntry] {
        [
            StateEntry("registers", registers), StateEntry("rooms", rooms), StateEntry("nodes", nodeWords),
            StateEntry("class-weights", weightArray), StateEntry("observers", blockArray),
            StateEntry("children", childArray),
        ]
    }

    func stateDidChange() {
        let classes = Int(registers[Register.classes])
        let values = rooms.elements.map { Int($0) }
        if layout.classes != classes || (0..<layout.count).contains(where: { layout.columns[$0].values != values[$0] })
        {
            layout = ObserverLayout(classes: classes, values: values, shape: layout.shape)
        }
        refresh()
    }

    private func refresh() {
        nodes = UnsafeMutableRawPointer(nodeWords.base).assumingMemoryBound(to: TreeNode.self)
        weightBase = weightArray.base
        blockBase = blockArray.base
    }

    // MARK: What is there

    var classes: Int { layout.classes }
    /// -1 = there is no tree yet.
    var root: Int {
        get { Int(registers.base[Register.root]) }
        set { registers[Register.root] = Int64(newValue) }
    }
    /// Nodes there is room for.
    var nodeRoom: Int { nodeWords.count / TreeNode.words }
    var nodeCount: Int { Int(registers[Register.liveNodes]) }
    var activeCount: Int { Int(registers[Register.active]) }
    var inactiveCount: Int { Int(registers[Register.inactive]) }
    /// Where random choices go on (`JavaSequence`).
    var random: UInt64 {
        get { UInt64(bitPattern: registers[Register.random]) }
        set { registers[Register.random] = Int64(bitPattern: newValue) }
    }

    @inline(__always) func weights(_ node: Int) -> UnsafeMutablePointer<Double> { weightBase + node &* layout.classes }

    @inline(__always) func block(_ block: Int32) -> UnsafeMutablePointer<Double> {
        blockBase + Int(block) &* layout.size
    }

    /// The k-th child of a multiway split; -1 = there is none.
    @inline(__always) func child(_ node: TreeNode, _ index: Int) -> Int {
        index < Int(node.right) ? Int(childArray.base[Int(node.left) + index]) : -1
    }

    /// Bytes that a node costs, and a block beside it.
    var nodeBytes: Int { 8 * (TreeNode.words + classes) }
    var blockBytes: Int { 8 * layout.size }

    // MARK: Changes

    /// No tree; the room for codes and classes stays.
    func clear() {
        for array in [nodeWords, weightArray, blockArray, childArray] as [AnyStateArray] { array.resize(to: 0) }
        for register in 1..<Register.count { registers[register] = 0 }
        for register in [Register.root, Register.freeNode, Register.freeBlock] { registers[register] = -1 }
        refresh()
    }

    /// Notes that the weights and the block of a leaf are about to be written.
    @inline(__always)
    func markLeaf(_ node: Int) {
        weightArray.markChanged(node &* layout.classes, layout.classes)
        let block = nodes[node].block
        if nodes[node].kind == TreeNode.Kind.active { blockArray.markChanged(Int(block) &* layout.size, layout.size) }
    }

    @inline(__always)
    func markNode(_ node: Int) { nodeWords.markChanged(node &* TreeNode.words, TreeNode.words) }

    /// A leaf without weights, active or not.
    func makeLeaf(isActive: Bool) -> Int {
        let node = takeNode()
        weights(node).update(repeating: 0, count: classes)
        nodes[node] = TreeNode(
            threshold: 0, kind: TreeNode.Kind.inactive, attribute: -1, left: -1, right: -1, block: -1, classes: 0)
        registers[Register.inactive] += 1
        if isActive { activate(node) }
        markNode(node)
        markLeaf(node)
        return node
    }

    private func takeNode() -> Int {
        registers[Register.liveNodes] += 1
        let free = Int(registers[Register.freeNode])
        if free >= 0 {
            registers[Register.freeNode] = Int64(nodes[free].left)
            return free
        }
        let node = Int(registers[Register.nodes])
        registers[Register.nodes] += 1
        let room = nodeWords.count / TreeNode.words
        if node >= room {
            let grown = max(8, room * 2)
            nodeWords.extend(to: grown * TreeNode.words)
            weightArray.extend(to: grown * classes)
            refresh()
        }
        return node
    }

    /// Gives a leaf an empty block.
    func activate(_ leaf: Int) {
        guard nodes[leaf].kind == TreeNode.Kind.inactive else { return }
        var block = Int(registers[Register.freeBlock])
        if block >= 0 {
            registers[Register.freeBlock] = Int64(blockBase[block * layout.size])
        } else {
            block = Int(registers[Register.blocks])
            registers[Register.blocks] += 1
            let room = blockArray.count / layout.size
            if block >= room {
                blockArray.extend(to: max(4, room * 2) * layout.size)
                refresh()
            }
        }
        nodes[leaf].kind = TreeNode.Kind.active
        nodes[leaf].block = Int32(block)
        registers[Register.active] += 1
        registers[Register.inactive] -= 1
        clearBlock(leaf)
        markNode(leaf)
        markLeaf(leaf)
    }

    /// Forgets what an active leaf's block holds.
    func clearBlock(_ leaf: Int) { block(nodes[leaf].block).update(repeating: 0, count: layout.size) }

    /// Takes a leaf's block away.
    func deactivate(_ leaf: Int) {
        guard nodes[leaf].kind == TreeNode.Kind.active else { return }
        freeBlock(leaf)
        nodes[leaf].kind = TreeNode.Kind.inactive
        registers[Register.inactive] += 1
        markNode(leaf)
    }

    private func freeBlock(_ leaf: Int) {
        markLeaf(leaf)
        let freed = Int(nodes[leaf].block)
        block(Int32(freed)).update(repeating: 0, count: layout.size)
        blockBase[freed * layout.size] = Double(registers[Register.freeBlock])
        registers[Register.freeBlock] = Int64(freed)
        registers[Register.active] -= 1
        nodes[leaf].block = -1
    }

    /// Turns a leaf into a split whose children are made by the caller.
    func beginSplit(_ leaf: Int, kind: Int32, attribute: Int, threshold: Double) {
        if nodes[leaf].kind == TreeNode.Kind.active {
            freeBlock(leaf)
        } else {
            registers[Register.inactive] -= 1
        }
        nodes[leaf].kind = kind
        nodes[leaf].attribute = Int32(attribute)
        nodes[leaf].threshold = threshold
        (nodes[leaf].left, nodes[leaf].right) = kind == TreeNode.Kind.multiway ? (0, 0) : (-1, -1)
        markNode(leaf)
    }

    /// Sets the k-th child of a split; that of a multiway one makes the list longer as needed.
    func setChild(_ node: Int, _ index: Int, _ child: Int) {
        guard nodes[node].kind == TreeNode.Kind.multiway else {
            if index == 0 { nodes[node].left = Int32(child) } else { nodes[node].right = Int32(child) }
            return
        }
        if index >= Int(nodes[node].right) { extendChildren(node, to: index + 1) }
        childArray[Int(nodes[node].left) + index] = Int32(child)
    }

    /// The list moves to the end, unless it is there; what it leaves behind is taken back when it is more than half.
    private func extendChildren(_ node: Int, to count: Int) {
        let used = Int(registers[Register.children])
        let (start, old) = (Int(nodes[node].left), Int(nodes[node].right))
        let isLast = old > 0 && start + old == used
        let first = isLast ? start : used
        let end = first + count
        if end > childArray.count { childArray.extend(to: max(16, end, childArray.count * 2)) }
        if !isLast { for index in 0..<old { childArray[first + index] = childArray[start + index] } }
        for index in old..<count { childArray[first + index] = -1 }
        registers[Register.children] = Int64(end)
        nodes[node].left = Int32(first)
        nodes[node].right = Int32(count)
        markNode(node)
        if end > 1024 { compactChildren() }
    }

    private func compactChildren() {
        var live = 0
        let used = Int(registers[Register.nodes])
        for node in 0..<used where nodes[node].kind == TreeNode.Kind.multiway { live += Int(nodes[node].right) }
        guard live * 2 < Int(registers[Register.children]) else { return }
        let old = childArray.elements
        var at = 0
        for node in 0..<used where nodes[node].kind == TreeNode.Kind.multiway {
            for index in 0..<Int(nodes[node].right) {
                childArray[at + index] = old[Int(nodes[node].left) + index]
            }
            nodes[node].left = Int32(at)
            at += Int(nodes[node].right)
            markNode(node)
        }
        registers[Register.children] = Int64(at)
    }

    /// The children of a node, in order, without holes.
    func children(of node: Int) -> [Int] {
        switch nodes[node].kind {
        case TreeNode.Kind.numeric, TreeNode.Kind.equal:
            [Int(nodes[node].left), Int(nodes[node].right)].filter { $0 >= 0 }
        case TreeNode.Kind.multiway: (0..<Int(nodes[node].right)).map { child(nodes[node], $0) }.filter { $0 >= 0 }
        default: []
        }
    }

    /// Frees a node and what hangs on it; `also` is called with each node before it goes.
    func free(_ top: Int, also: (Int) -> Void = { _ in }) {
        var open = [top]
        while let node = open.popLast() {
            also(node)
            open += children(of: node)
            if nodes[node].kind == TreeNode.Kind.active {
                freeBlock(node)
            } else if nodes[node].kind == TreeNode.Kind.inactive {
                registers[Register.inactive] -= 1
            }
            nodes[node].kind = TreeNode.Kind.free
            nodes[node].left = Int32(registers[Register.freeNode])
            registers[Register.freeNode] = Int64(node)
            registers[Register.liveNodes] -= 1
            markNode(node)
        }
    }

    /// Puts the node `source` in the place of `target`, whose own subtree must be free of use; `source`'s id is freed.
    func replace(_ target: Int, by source: Int) {
        nodes[target] = nodes[source]
        weights(target).update(from: weights(source), count: classes)
        nodes[source].kind = TreeNode.Kind.free
        nodes[source].left = Int32(registers[Register.freeNode])
        registers[Register.freeNode] = Int64(source)
        registers[Register.liveNodes] -= 1
        markNode(source)
        markNode(target)
        weightArray.markChanged(target * classes, classes)
    }

    /// All leaves, those of trees beside the root's as well, in the order of their places.
    func allLeaves() -> [Int] { (0..<Int(registers[Register.nodes])).filter { nodes[$0].isLeaf } }

    // MARK: More classes, more codes

    /// The layout in force, with room for the codes of a row.
    func layout(for row: UnsafePointer<Double>) -> ObserverLayout {
        let values = isNominal.indices.map { index in
            let room = Int(rooms[index])
            return isNominal[index] && !row[index].isNaN ? max(room, ObserverLayout.room(for: Int(row[index]))) : room
        }
        return ObserverLayout(classes: classes, values: values, shape: layout.shape)
    }

    /// The layout in force, for more classes.
    func layout(classes count: Int) -> ObserverLayout {
        ObserverLayout(classes: count, values: rooms.elements.map { Int($0) }, shape: layout.shape)
    }

    /// Gives weights and blocks another layout, keeping what they hold.
    func adopt(_ made: ObserverLayout) {
        let old = layout
        if made.classes != old.classes { changeWeights(from: old.classes, to: made.classes) }
        for index in 0..<made.count { rooms[index] = Int64(made.columns[index].values) }
        let blocks = blockArray.elements
        var room = 4
        while room < activeCount { room *= 2 }
        blockArray.resize(to: 0)
        blockArray.resize(to: room * made.size)
        var used = 0
        blocks.withUnsafeBufferPointer { blocks in
            guard let blocks = blocks.baseAddress else { return }
            for node in 0..<Int(registers[Register.nodes]) where nodes[node].kind == TreeNode.Kind.active {
                old.copy(blocks + Int(nodes[node].block) * old.size, to: blockArray.base + used * made.size, of: made)
                nodes[node].block = Int32(used)
                markNode(node)
                used += 1
            }
        }
        registers[Register.blocks] = Int64(used)
        registers[Register.freeBlock] = -1
        registers[Register.classes] = Int64(made.classes)
        layout = made
        refresh()
    }

    private func changeWeights(from old: Int, to count: Int) {
        let room = nodeWords.count / TreeNode.words
        let kept = weightArray.elements
        weightArray.resize(to: 0)
        weightArray.resize(to: room * count)
        for node in 0..<room {
            for index in 0..<old { weightArray.base[node * count + index] = kept[node * old + index] }
        }
    }
}

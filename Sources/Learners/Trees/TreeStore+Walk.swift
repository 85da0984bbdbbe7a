extension TreeStore {
    /// Where a record ends up.
    struct Place {
        /// -1: a branch of a multiway split that has no child yet, or no tree at all.
        var node: Int
        /// The multiway split above, where `node` is -1.
        var parent: Int
        var branch: Int
    }

    /// The way of a record down from a node.
    ///
    /// - Parameter stays: a record without the attribute of a split ends at the split; else it goes on in the heavier child.
    @inline(__always)
    func reach(_ row: UnsafePointer<Double>, from top: Int, stays: Bool) -> Place {
        let nodes = nodes
        var at = top
        while at >= 0, nodes[at].isSplit {
            let node = nodes[at]
            let value = row[Int(node.attribute)]
            var next: Int
            if value.isNaN {
                guard !stays, node.block >= 0 else { break }
                next = Int(node.block)
            } else if node.kind == TreeNode.Kind.numeric {
                next = Int(value <= node.threshold ? node.left : node.right)
            } else if node.kind == TreeNode.Kind.equal {
                next = Int(value == node.threshold ? node.left : node.right)
            } else {
                next = child(node, Int(value))
                if next < 0 { return Place(node: -1, parent: at, branch: Int(value)) }
            }
            at = next
        }
        return Place(node: at, parent: -1, branch: -1)
    }

    /// Where a record goes on from a split; -1: it has a code that has no child yet.
    @inline(__always)
    func next(_ row: UnsafePointer<Double>, from split: Int) -> Int {
        let node = nodes[split]
        let value = row[Int(node.attribute)]
        if value.isNaN { return Int(node.block) }
        switch node.kind {
        case TreeNode.Kind.numeric: return Int(value <= node.threshold ? node.left : node.right)
        case TreeNode.Kind.equal: return Int(value == node.threshold ? node.left : node.right)
        default: return child(node, Int(value))
        }
    }

    // MARK: Memory

    /// What a tree may take.
    struct Budget {
        var maximum: Int
        /// What a node costs its owner beside the tree.
        var extraNodeBytes = 0
    }

    /// Whether so many nodes and blocks more are within the budget.
    func hasRoom(_ budget: Budget, nodes more: Int = 0, blocks: Int = 0) -> Bool {
        (nodeCount + more) * (nodeBytes + budget.extraNodeBytes) + (activeCount + blocks) * blockBytes
            <= budget.maximum
    }

    /// Gives blocks to the leaves that promise most, as many as there is room for; a tenth of the room is left for what
    /// comes next, so that this is seldom.
    ///
    /// - Parameters:
    ///   - blockBytes: what a block costs from now on.
    ///   - activates: leaves may get a block, not only lose theirs.
    func share(
        _ budget: Budget, blockBytes: Int, activates: Bool, promise: (Int) -> Double, didActivate: (Int) -> Void
    ) {
        let left = budget.maximum - nodeCount * (nodeBytes + budget.extraNodeBytes)
        let most = max(0, left / 10 * 9 / blockBytes)
        let isShort = (activeCount + 1) * blockBytes > left
        guard isShort || activates && activeCount < most / 2 else { return }
        let leaves = allLeaves().map { (node: $0, promise: promise($0)) }
            .sorted { ($0.promise, $0.node) > ($1.promise, $1.node) }
        for leaf in leaves.dropFirst(most) { deactivate(leaf.node) }
        guard activates else { return }
        for leaf in leaves.prefix(most) where nodes[leaf.node].kind == TreeNode.Kind.inactive {
            activate(leaf.node)
            didActivate(leaf.node)
        }
    }
}

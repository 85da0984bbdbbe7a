/// Attributes for the members of an ensemble, at random, but so that each is left out about equally often: those to leave
/// out are dealt from a shuffled deck, and from another one when it is used up. So no attribute is missing from many members
/// by chance.
struct SubspaceDeck {
    private let count: Int
    private var sequence: JavaSequence
    private var deck: [Int] = []

    init(count: Int, seed: UInt64) {
        self.count = count
        sequence = JavaSequence(seed: seed)
    }

    /// So many different attributes, in order.
    mutating func next(_ size: Int) -> [Int] {
        var isLeft = Array(repeating: true, count: count)
        for _ in 0..<max(0, count - size) {
            if !deck.contains(where: { isLeft[$0] }) { deck += sequence.nextSubset(count, of: count) }
            guard let place = deck.firstIndex(where: { isLeft[$0] }) else { break }
            isLeft[deck.remove(at: place)] = false
        }
        return (0..<count).filter { isLeft[$0] }
    }
}

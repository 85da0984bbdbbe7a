/// The latest samples of something, each a row of words; older ones are overwritten. Its memory is taken once.
final class SampleRing {
    /// Words a sample.
    let width: Int
    let capacity: Int
    /// Samples ever added.
    @exclusivity(unchecked) private(set) var total = 0
    private let words: UnsafeMutablePointer<UInt64>

    init(width: Int, capacity: Int) {
        self.width = max(width, 1)
        self.capacity = max(capacity, 1)
        words = .allocate(capacity: self.width * self.capacity)
        words.initialize(repeating: 0, count: self.width * self.capacity)
    }

    deinit { words.deallocate() }

    /// Samples held.
    var count: Int { min(total, capacity) }

    var isFull: Bool { total >= capacity }

    /// Room for the next sample, all words of which the caller writes.
    @inline(__always)
    func add() -> UnsafeMutablePointer<UInt64> {
        let place = words + (total % capacity) * width
        total += 1
        return place
    }

    /// A sample; 0 is the newest.
    func sample(_ age: Int) -> UnsafePointer<UInt64> {
        UnsafePointer(words + ((total - 1 - age) % capacity) * width)
    }

    /// Makes this ring, of the same shape, hold what another one does.
    func copy(_ other: SampleRing) {
        guard other.width == width, other.capacity == capacity else { return }
        words.update(from: other.words, count: other.count * width)
        total = other.total
    }
}

/// Which rows of a batch are looked at: every one until there are enough samples, then a few of each batch.
struct RowSampling {
    private let rowsPerBatch: Int
    /// The next row that is looked at.
    private(set) var next = 0
    private var step = 1
    private var batches = 0

    init(rowsPerBatch: Int) { self.rowsPerBatch = rowsPerBatch }

    /// Begins a batch.
    mutating func begin(rows: Int, isFull: Bool) {
        step = isFull ? max(1, rows / rowsPerBatch) : 1
        // Not always the first rows: a batch may begin with what a source's part begins with.
        next = batches % step
        batches &+= 1
    }

    /// Takes a row, `next` or a later one.
    mutating func take(_ row: Int) { next = row &+ step }
}

import CRdkafka

/// One partition the source was ever given.
struct Part {
    enum Phase: Equatable {
        /// Another member's, or nobody's.
        case away
        /// Given, but where to go on is not known yet; nothing is handed out.
        case unsettled(Goal)
        case running
        /// The wanted end is reached.
        case ended
    }

    /// How the position is found.
    enum Goal: Equatable {
        case ledger
        /// The position was out of range.
        case reset
        /// What was read was dropped from here on.
        case resume(Int)
    }

    let topic: String
    let partition: Int32
    let name: String
    var phase = Phase.away
    /// Whether the ledger counts it as this worker's.
    var isClaimed = false
    var isPaused = false
    /// Whether it was said that somebody else holds it.
    var isWarned = false
    /// The next offset to hand out; lower ones were.
    var next = 0
    /// Where it first started.
    var first: Int?
    /// Whether it started at the earliest message and none was read since.
    var isAtEarliest = false
    /// Where it ended when it was given.
    var end: Int?
    /// Whether a fetch has shown the end; a broker's look-up alone may lag behind what it has.
    var isEndSeen = false
    /// Written to the group, or on the way there.
    var committed = -1

    init(_ topic: String, _ partition: Int32) {
        self.topic = topic
        self.partition = partition
        name = "\(topic)/\(partition)"
    }

    var isUnsettled: Bool { if case .unsettled = phase { true } else { false } }
}

/// The partitions by number, in the order the source was given them; numbers stay.
struct PartTable {
    /// More than any topic has: the tables below are indexed by partition.
    static let maximumPartitions: Int32 = 1 << 20

    private(set) var names: [String] = []
    private var all: [Part] = []
    private var byName: [String: Int] = [:]
    /// By topic handle: the part's number of each partition, -1 for none. Handles are valid while nothing is
    /// reassigned.
    private var handles: [(handle: OpaquePointer, numbers: [Int])] = []
    private var last: (handle: OpaquePointer?, partition: Int32, number: Int) = (nil, -1, -1)

    subscript(number: Int) -> Part {
        get { all[number] }
        set { all[number] = newValue }
    }

    var indices: Range<Int> { all.indices }
    var assigned: [Int] { all.indices.filter { all[$0].phase != .away } }
    var unsettled: [Int] { all.indices.filter { all[$0].isUnsettled } }

    /// The number of a partition, a new one if it is new.
    mutating func number(_ topic: String, _ partition: Int32) -> Int {
        let part = Part(topic, partition)
        if let number = byName[part.name] { return number }
        all.append(part)
        names.append(part.name)
        byName[part.name] = all.count - 1
        return all.count - 1
    }

    func find(_ topic: String, _ partition: Int32) -> Int? { byName["\(topic)/\(partition)"] }

    /// Call when partitions were given or taken: topic handles may be others now.
    mutating func forgetHandles() {
        handles.removeAll()
        last = (nil, -1, -1)
    }

    /// The part a message is of; nil: none the source knows.
    mutating func find(_ message: UnsafePointer<rd_kafka_message_t>) -> Int? {
        let (handle, partition) = (message.pointee.rkt, message.pointee.partition)
        if handle == last.handle, partition == last.partition { return last.number < 0 ? nil : last.number }
        guard let handle, (0..<Self.maximumPartitions).contains(partition) else { return nil }
        let number = find(handle, Int(partition))
        last = (handle, partition, number)
        return number < 0 ? nil : number
    }

    private mutating func find(_ handle: OpaquePointer, _ partition: Int) -> Int {
        if let known = handles.first(where: { $0.handle == handle }), partition < known.numbers.count {
            return known.numbers[partition]
        }
        guard let topic = rd_kafka_topic_name(handle).map({ String(cString: $0) }) else { return -1 }
        var numbers = [Int](repeating: -1, count: partition + 1)
        for (index, part) in all.enumerated()
        where part.topic == topic && (0..<Self.maximumPartitions).contains(part.partition) {
            let partition = Int(part.partition)
            if partition >= numbers.count {
                numbers += [Int](repeating: -1, count: partition + 1 - numbers.count)
            }
            numbers[partition] = index
        }
        handles.removeAll { $0.handle == handle }
        handles.append((handle, numbers))
        return numbers[partition]
    }
}

import CBytes
import Dispatch
import Glibc

/// The untyped half of a `StateArray`: bytes, length and the map of pages that changed since the last copy.
///
/// An array has one owner at a time. Everything a component learns lives in such arrays, so that publishing,
/// snapshots, digests and size accounting can treat all components alike.
public class AnyStateArray: @unchecked Sendable {
    /// Bytes of a page in the map of changes.
    public static let pageSize = 4096

    public let scalarType: ScalarType
    /// Scalars in one element.
    @exclusivity(unchecked) public private(set) final var lanes: Int
    /// Bytes of one element.
    public final var stride: Int { lanes * scalarType.size }
    /// Elements in use.
    @exclusivity(unchecked) public private(set) final var count: Int
    public private(set) final var capacity: Int
    /// Aligned to 64 bytes; all zero where never written.
    @exclusivity(unchecked) public private(set) final var bytes: UnsafeMutableRawPointer
    /// One byte a page, 1 = changed. Meaningful only when `marksChanges`.
    @exclusivity(unchecked) public private(set) final var changedPages: UnsafeMutablePointer<UInt8>
    /// False: every copy takes the whole array. True: writers set `changedPages`, so that copies take what changed.
    public let marksChanges: Bool
    /// True: its length follows the data (names of classes), so that a snapshot may bring any length.
    public let grows: Bool
    /// Set when elements may have changed without marks: the next copy takes everything.
    private final var replaced = true
    /// Own the memory that `bytes` and `changedPages` point to.
    private final var memory: ZeroedMemory
    private final var changes: ZeroedMemory

    init(scalarType: ScalarType, lanes: Int, count: Int, marksChanges: Bool, grows: Bool) {
        self.scalarType = scalarType
        self.lanes = lanes
        self.count = count
        self.marksChanges = marksChanges
        self.grows = grows
        capacity = max(count, 1)
        let size = capacity * lanes * scalarType.size
        memory = ZeroedMemory(byteCount: size)
        changes = ZeroedMemory(byteCount: Self.pages(size))
        bytes = memory.start
        changedPages = changes.start.assumingMemoryBound(to: UInt8.self)
    }

    public final var byteCount: Int { count * stride }

    /// Scalars that are not zero.
    public final var nonZeroCount: Int {
        scalarType.nonZeroCount(UnsafeRawBufferPointer(start: bytes, count: byteCount))
    }

    /// Changes the length; new elements are zero, and the next copy takes everything. Amortised: capacity doubles.
    public final func resize(to newCount: Int) {
        if newCount > count {
            extend(to: newCount)
        } else {
            memset(bytes + newCount * stride, 0, (count - newCount) * stride)
            count = newCount
        }
        replaced = true
    }

    /// Lengthens by zeroes at the end. The marks of what is there stay, so that the next copy takes what is new and what
    /// changed: for arrays that grow with the data, whose elements keep their places.
    public final func extend(to newCount: Int) {
        precondition(newCount >= count)
        let size = byteCount
        if newCount > capacity {
            capacity = max(newCount, capacity * 2)
            let grown = ZeroedMemory(byteCount: capacity * stride)
            let marks = ZeroedMemory(byteCount: Self.pages(capacity * stride))
            memcpy(grown.start, bytes, size)
            memcpy(marks.start, changedPages, Self.pages(size))
            adopt(grown, marks)
        }
        count = newCount
        let first = size / Self.pageSize
        memset(changedPages + first, 1, Self.pages(byteCount) - first)
    }

    private func adopt(_ memory: consuming ZeroedMemory, _ marks: consuming ZeroedMemory) {
        self.memory = memory
        changes = marks
        bytes = self.memory.start
        changedPages = changes.start.assumingMemoryBound(to: UInt8.self)
    }

    /// Changes length and lanes at once; the content is lost (zero).
    public final func resize(to newCount: Int, lanes newLanes: Int) {
        if newLanes != lanes {
            lanes = newLanes
            capacity = max(newCount, 1)
            let size = capacity * stride
            adopt(ZeroedMemory(byteCount: size), ZeroedMemory(byteCount: Self.pages(size)))
            count = newCount
            replaced = true
        } else {
            resize(to: newCount)
        }
    }

    /// Sets every byte to zero.
    public final func clear() {
        memset(bytes, 0, byteCount)
        replaced = true
    }

    /// Says that another array stood in its place until now: the next copy takes everything.
    public final func markReplaced() { replaced = true }

    /// Makes `self` equal to `source`, copying only the pages named in `stale` when the lengths agree. Large arrays are
    /// copied by two cores: one alone does not use up the memory's bandwidth, and the caller's learning waits.
    final func copy(from source: AnyStateArray, stale: UnsafePointer<UInt8>?) {
        if count != source.count || lanes != source.lanes { resize(to: source.count, lanes: source.lanes) }
        guard byteCount >= Self.sharedCopySize else {
            return Self.copy(to: bytes, from: source.bytes, byteCount, stale, 0..<Self.pages(byteCount))
        }
        let work = UncheckedCopy(target: bytes, source: source.bytes, byteCount: byteCount, stale: stale)
        let pages = Self.pages(byteCount)
        let parts = (byteCount / Self.copyPartSize) + 1
        DispatchQueue.concurrentPerform(iterations: parts) { part in
            Self.copy(
                to: work.target, from: work.source, work.byteCount, work.stale,
                part * pages / parts..<(part + 1) * pages / parts)
        }
    }

    /// From this size on two cores copy, in parts of so many bytes: small ones, because the caller waits for the last.
    static let sharedCopySize = 8 << 20
    static let copyPartSize = 1 << 20

    /// What the parts of one copy share; they write ranges of pages that do not meet.
    private struct UncheckedCopy: @unchecked Sendable {
        let target: UnsafeMutableRawPointer
        let source: UnsafeMutableRawPointer
        let byteCount: Int
        let stale: UnsafePointer<UInt8>?
    }

    private static func copy(
        to target: UnsafeMutableRawPointer, from source: UnsafeMutableRawPointer, _ byteCount: Int,
        _ stale: UnsafePointer<UInt8>?, _ pages: Range<Int>
    ) {
        var page = pages.lowerBound
        while page < pages.upperBound {
            var end = stale == nil ? pages.upperBound : page
            if let stale { while end < pages.upperBound, stale[end] != 0 { end += 1 } }
            guard end > page else {
                page += 1
                continue
            }
            let start = page * pageSize
            memcpy(target + start, source + start, min(end * pageSize, byteCount) - start)
            page = end
        }
    }

    /// Hands the changes since the last call to `merge` (nil: everything) and forgets them.
    final func takeChanges(_ merge: (UnsafePointer<UInt8>?, _ pages: Int) -> Void) {
        let pages = Self.pages(byteCount)
        merge(marksChanges && !replaced ? UnsafePointer(changedPages) : nil, pages)
        memset(changedPages, 0, pages)
        replaced = false
    }

    static func pages(_ byteCount: Int) -> Int { (byteCount + pageSize - 1) / pageSize }
}

import CBytes
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
    /// Set by resizing: the next copy takes everything.
    private final var resized = true
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

    /// Changes the length; new elements are zero. Amortised: capacity doubles.
    public final func resize(to newCount: Int) {
        if newCount > capacity {
            let newCapacity = max(newCount, capacity * 2)
            let grown = ZeroedMemory(byteCount: newCapacity * stride)
            memcpy(grown.start, bytes, byteCount)
            adopt(grown)
            capacity = newCapacity
        } else if newCount < count {
            memset(bytes + newCount * stride, 0, (count - newCount) * stride)
        }
        count = newCount
        resized = true
    }

    private func adopt(_ memory: consuming ZeroedMemory) {
        let size = memory.byteCount
        self.memory = memory
        changes = ZeroedMemory(byteCount: Self.pages(size))
        bytes = self.memory.start
        changedPages = changes.start.assumingMemoryBound(to: UInt8.self)
    }

    /// Changes length and lanes at once; the content is lost (zero).
    public final func resize(to newCount: Int, lanes newLanes: Int) {
        if newLanes != lanes {
            lanes = newLanes
            capacity = max(newCount, 1)
            adopt(ZeroedMemory(byteCount: capacity * stride))
            count = newCount
            resized = true
        } else {
            resize(to: newCount)
        }
    }

    /// Sets every byte to zero.
    public final func clear() {
        memset(bytes, 0, byteCount)
        resized = true
    }

    /// Says that another array stood in its place until now: the next copy takes everything.
    public final func markReplaced() { resized = true }

    /// Makes `self` equal to `source`, copying only the pages named in `stale` when the lengths agree.
    final func copy(from source: AnyStateArray, stale: UnsafePointer<UInt8>?) {
        if count != source.count || lanes != source.lanes { resize(to: source.count, lanes: source.lanes) }
        guard let stale else {
            memcpy(bytes, source.bytes, byteCount)
            return
        }
        let pages = Self.pages(byteCount)
        var page = 0
        while page < pages {
            guard stale[page] != 0 else {
                page += 1
                continue
            }
            var end = page + 1
            while end < pages, stale[end] != 0 { end += 1 }
            let start = page * Self.pageSize
            memcpy(bytes + start, source.bytes + start, min(end * Self.pageSize, byteCount) - start)
            page = end
        }
    }

    /// Hands the changes since the last call to `merge` (nil: everything) and forgets them.
    final func takeChanges(_ merge: (UnsafePointer<UInt8>?, _ pages: Int) -> Void) {
        let pages = Self.pages(byteCount)
        merge(marksChanges && !resized ? UnsafePointer(changedPages) : nil, pages)
        memset(changedPages, 0, pages)
        resized = false
    }

    static func pages(_ byteCount: Int) -> Int { (byteCount + pageSize - 1) / pageSize }
}

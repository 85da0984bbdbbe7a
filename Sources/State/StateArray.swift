/// A flat array of learned numbers that knows which of its pages changed since it was last published.
///
/// Kernels take `base` once per batch and index it freely within `0 ..< count`.
public final class StateArray<Element: StateElement>: AnyStateArray, @unchecked Sendable {
    /// - Parameters:
    ///   - count: elements.
    ///   - lanes: scalars of one element, side by side (a slot with several weights).
    ///   - marksChanges: pass true for large arrays whose writers set `changedPages[element >> pageShift]` for every
    ///     element they write; the others are copied whole.
    ///   - grows: pass true where the length follows the data; else a snapshot must bring the same length.
    public init(count: Int, lanes: Int = 1, marksChanges: Bool = false, grows: Bool = false) {
        super.init(
            scalarType: Element.scalarType, lanes: lanes, count: count, marksChanges: marksChanges, grows: grows)
    }

    public convenience init(_ elements: [Element]) {
        self.init(count: elements.count)
        for (index, element) in elements.enumerated() { base[index] = element }
    }

    /// The first scalar. Invalid after `resize` and `extend`.
    @inlinable public var base: UnsafeMutablePointer<Element> { bytes.assumingMemoryBound(to: Element.self) }

    /// log2 of the elements in a page: `changedPages[index >> pageShift]` is the flag of element `index`.
    public var pageShift: Int { (AnyStateArray.pageSize / stride).trailingZeroBitCount }

    /// The scalar at `index`, counting scalars.
    @inlinable public subscript(index: Int) -> Element {
        get {
            precondition(index >= 0 && index < count * lanes)
            return base[index]
        }
        set {
            precondition(index >= 0 && index < count * lanes)
            base[index] = newValue
            let pages = changedPages
            pages[index * MemoryLayout<Element>.stride / AnyStateArray.pageSize] = 1
        }
    }

    /// Notes that the scalars from `start` on are about to be written through `base`.
    @inlinable @inline(__always) public func markChanged(_ start: Int, _ count: Int) {
        let size = MemoryLayout<Element>.stride
        let pages = changedPages
        var page = start &* size / AnyStateArray.pageSize
        let end = (start &+ count) &* size
        while page &* AnyStateArray.pageSize < end {
            pages[page] = 1
            page &+= 1
        }
    }

    public func append(_ element: Element) {
        extend(to: count + 1)
        self[count - 1] = element
    }

    public var elements: [Element] { Array(UnsafeBufferPointer(start: base, count: count * lanes)) }
}

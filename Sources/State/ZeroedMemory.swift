import Glibc

/// One block of zeroed memory, aligned to a cache line; large blocks come untouched from the system, on huge pages
/// where it has them, so that a sparse table costs only what it uses.
struct ZeroedMemory: ~Copyable {
    let start: UnsafeMutableRawPointer
    let byteCount: Int
    /// Bytes mapped from the system; 0 = from the heap.
    private let mapped: Int
    private let mapStart: UnsafeMutableRawPointer

    private static let hugePage = 2 << 20

    init(byteCount: Int) {
        self.byteCount = byteCount
        let size = max((byteCount + 63) & ~63, 64)
        guard size >= Self.hugePage else {
            var memory: UnsafeMutableRawPointer?
            guard posix_memalign(&memory, 64, size) == 0, let memory else { Self.fail(size) }
            memset(memory, 0, size)
            start = memory
            mapStart = memory
            mapped = 0
            return
        }
        let length = size + Self.hugePage
        guard let map = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            map != MAP_FAILED
        else { Self.fail(size) }
        start = map.alignedUp(toMultipleOf: Self.hugePage)
        madvise(start, size, MADV_HUGEPAGE)
        mapStart = map
        mapped = length
    }

    deinit { if mapped > 0 { munmap(mapStart, mapped) } else { free(start) } }

    /// There is no way to go on without memory for the model, and nothing to undo.
    private static func fail(_ size: Int) -> Never { fatalError("out of memory: \(size) bytes of model state") }
}

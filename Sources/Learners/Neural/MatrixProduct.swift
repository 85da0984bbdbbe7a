import Components
import Glibc

/// Products of matrices by OpenBLAS, on the caller's thread alone, so that sums are added up in one order.
///
/// The library is loaded when the first learner needs it: linked, it would cost every start 3 ms and every process 3 MB
/// and a thread for each core.
struct MatrixProduct: @unchecked Sendable {
    enum Shape: UInt32 {
        case plain = 111
        case transposed = 112
    }

    /// cblas_sgemm: C = alpha op(A) op(B) + beta C, with C of m rows and n columns, and k terms in each sum.
    private typealias Kernel =
        @convention(c) (
            _ order: UInt32, _ shapeOfA: UInt32, _ shapeOfB: UInt32, _ m: Int32, _ n: Int32, _ k: Int32, _ alpha: Float,
            _ a: UnsafePointer<Float>, _ strideOfA: Int32, _ b: UnsafePointer<Float>, _ strideOfB: Int32, _ beta: Float,
            _ c: UnsafeMutablePointer<Float>, _ strideOfC: Int32
        ) -> Void

    /// A matrix as it lies in memory, row after row.
    struct Matrix {
        let start: UnsafePointer<Float>
        let stride: Int
        let shape: Shape

        init(_ start: UnsafePointer<Float>, stride: Int, _ shape: Shape = .plain) {
            self.start = start
            self.stride = stride
            self.shape = shape
        }
    }

    private static let rowMajor: UInt32 = 101
    private static let shared = load()

    private let kernel: Kernel

    /// - Throws: when the library is not there.
    static func loaded(for name: String) throws(SettingError) -> MatrixProduct {
        if let shared { return shared }
        throw SettingError(
            "\(name) needs OpenBLAS, and libopenblas.so.0 cannot be loaded; install it (Debian: libopenblas-dev)")
    }

    private static func load() -> MatrixProduct? {
        guard let library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL),
            let product = dlsym(library, "cblas_sgemm"), let threads = dlsym(library, "openblas_set_num_threads")
        else { return nil }
        unsafeBitCast(threads, to: (@convention(c) (Int32) -> Void).self)(1)
        return MatrixProduct(kernel: unsafeBitCast(product, to: Kernel.self))
    }

    /// C = A B, of `rows` rows and `columns` columns, with `terms` terms in each sum.
    @inline(__always)
    func callAsFunction(
        _ a: Matrix, _ b: Matrix, rows: Int, columns: Int, terms: Int, into c: UnsafeMutablePointer<Float>, stride: Int
    ) {
        guard rows > 0, columns > 0, terms > 0 else { return }
        kernel(
            Self.rowMajor, a.shape.rawValue, b.shape.rawValue, Int32(truncatingIfNeeded: rows),
            Int32(truncatingIfNeeded: columns), Int32(truncatingIfNeeded: terms), 1, a.start,
            Int32(truncatingIfNeeded: a.stride), b.start, Int32(truncatingIfNeeded: b.stride), 0, c,
            Int32(truncatingIfNeeded: stride))
    }
}

/// Eigenvalues and eigenvectors of symmetric matrices.
enum SymmetricMatrix {
    /// Cyclic Jacobi rotations (Golub and Van Loan 8.5): accurate to the last bits, and the same on every machine.
    ///
    /// - Parameter matrix: `width`² numbers, row by row.
    /// - Returns: eigenvalues, largest first, and the eigenvectors as rows, each with its largest entry positive.
    static func eigen(_ matrix: [Double], _ width: Int) -> (values: [Double], vectors: [Double]) {
        var a = matrix
        var v = [Double](repeating: 0, count: width * width)
        for index in 0..<width { v[index * width + index] = 1 }
        for _ in 0..<60 {
            var off = 0.0
            var diagonal = 0.0
            for row in 0..<width {
                diagonal = max(diagonal, abs(a[row * width + row]))
                for column in 0..<row { off = max(off, abs(a[row * width + column])) }
            }
            guard off > diagonal * 1e-16, off > 0 else { break }
            for p in 0..<width {
                for q in (p + 1)..<max(width, p + 1) { rotate(&a, &v, width, p, q) }
            }
        }
        let order = (0..<width).sorted { (a[$0 * width + $0], $1) > (a[$1 * width + $1], $0) }
        var vectors: [Double] = []
        for index in order {
            let vector = Array(v[index * width..<(index + 1) * width])
            var top = 0
            for place in vector.indices where abs(vector[place]) > abs(vector[top]) { top = place }
            vectors += vector[top] < 0 ? vector.map { -$0 } : vector
        }
        return (order.map { a[$0 * width + $0] }, vectors)
    }

    /// Makes a[p, q] zero; the vectors are the rows of `v`.
    private static func rotate(_ a: inout [Double], _ v: inout [Double], _ width: Int, _ p: Int, _ q: Int) {
        let off = a[p * width + q]
        guard off != 0 else { return }
        let theta = (a[q * width + q] - a[p * width + p]) / (2 * off)
        // So far apart that the square overflows, the tangent is 0.
        let t =
            abs(theta) > 1e150
            ? 1 / (2 * theta) : (theta < 0 ? -1 : 1) / (abs(theta) + (theta * theta + 1).squareRoot())
        let c = 1 / (t * t + 1).squareRoot()
        let s = t * c
        for k in 0..<width {
            let kp = a[k * width + p]
            let kq = a[k * width + q]
            a[k * width + p] = c * kp - s * kq
            a[k * width + q] = s * kp + c * kq
        }
        for k in 0..<width {
            let pk = a[p * width + k]
            let qk = a[q * width + k]
            a[p * width + k] = c * pk - s * qk
            a[q * width + k] = s * pk + c * qk
            let vp = v[p * width + k]
            let vq = v[q * width + k]
            v[p * width + k] = c * vp - s * vq
            v[q * width + k] = s * vp + c * vq
        }
        a[p * width + q] = 0
        a[q * width + p] = 0
    }
}

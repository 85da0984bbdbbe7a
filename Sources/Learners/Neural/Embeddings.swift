import State

/// A row of learned numbers for each value of each categorical field; values beyond the room share rows. Rows begin as 0,
/// so that a value nobody has seen says nothing.
final class Embeddings {
    let fields: Int
    /// Numbers a value.
    let width: Int
    /// Values a field has rows for.
    private let room: Int
    /// Of each row: its numbers, and Adam's two moments of them.
    private let table: StateArray<Float>
    /// Rows of the gradient that is being added up, in the order of their first use, and each row's place among them.
    private var touched: [Int32] = []
    private var places: [Int32]
    private var gradients: [Float] = []

    init(fields: Int, width: Int, room: Int) {
        self.fields = fields
        self.width = width
        self.room = room
        table = StateArray(count: fields * room, lanes: 3 * width, marksChanges: true)
        places = Array(repeating: -1, count: fields * room)
    }

    var state: [StateEntry] { fields > 0 ? [StateEntry("embeddings", table)] : [] }

    /// The row of a value; nil: it is missing.
    @inline(__always)
    private func row(_ field: Int, _ code: Double) -> Int? {
        guard code >= 0, code < 1e9 else { return nil }
        let code = Int(code)
        return field * room + (code < room ? code : Int(mixed(UInt64(code)) % UInt64(room)))
    }

    @inline(__always)
    private func mixed(_ code: UInt64) -> UInt64 {
        let product = (code &+ 1) &* 0x9e37_79b9_7f4a_7c15
        return product ^ (product >> 32)
    }

    /// Copies a value's numbers; zeros where it is missing.
    @inline(__always)
    func read(_ field: Int, _ code: Double, into inputs: UnsafeMutablePointer<Float>) {
        guard let row = row(field, code) else { return inputs.update(repeating: 0, count: width) }
        inputs.update(from: table.base + row * 3 * width, count: width)
    }

    /// Adds to a value's gradient.
    func accumulate(_ field: Int, _ code: Double, _ gradient: UnsafePointer<Float>) {
        guard let row = row(field, code) else { return }
        if places[row] < 0 {
            places[row] = Int32(touched.count)
            touched.append(Int32(row))
            gradients.append(contentsOf: repeatElement(0, count: width))
        }
        let start = Int(places[row]) * width
        for index in 0..<width { gradients[start + index] += gradient[index] }
    }

    /// Takes a step in the rows that have a gradient, and forgets it.
    func take(_ step: AdamStep) {
        let stride = 3 * width
        let pages = table.changedPages
        gradients.withUnsafeBufferPointer { gradients in
            for (place, row) in touched.enumerated() {
                places[Int(row)] = -1
                guard let start = gradients.baseAddress else { continue }
                let numbers = table.base + Int(row) * stride
                step.take(numbers, numbers + width, numbers + 2 * width, start + place * width, count: width)
                let first = Int(row) * table.stride
                pages[first / AnyStateArray.pageSize] = 1
                pages[(first + table.stride - 1) / AnyStateArray.pageSize] = 1
            }
        }
        touched.removeAll(keepingCapacity: true)
        gradients.removeAll(keepingCapacity: true)
    }
}

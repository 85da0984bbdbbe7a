import Records

/// Where the statistics of one leaf (or of naive Bayes) lie in its block of numbers.
///
/// A block begins with `headerCount` numbers of its leaf, and one per attribute that says whether it is observed (above 0)
/// or not (0). Then by attribute, for C classes:
///
/// - numeric: by class, 5 numbers: weight, mean, sum of squared deviations, least and greatest value.
/// - nominal: by class, 2 numbers: weight, and 1 + the greatest code seen; then, by code and class, the weight.
///
/// Where leaves observe some attributes only, which are all numeric, there is room for so many: the first number of an
/// attribute says which place it has, from 1.
///
/// Trees of numbers have other cells (`Shape`), and "classes" that are weight, sum and sum of squares of the target.
final class ObserverLayout {
    struct Column {
        let offset: Int
        /// Codes that there is room for; 0 = numeric.
        let values: Int
    }

    /// What differs between kinds of trees.
    struct Shape {
        /// Numbers of a numeric attribute; nil = `cellCount` a class.
        var numericSize: Int?
        /// Numbers at the end of a block.
        var extra = 0
        /// Attributes that a leaf observes at most; 0 = all.
        var observed = 0
    }

    static let headerCount = 5
    static let cellCount = 5

    let classes: Int
    let count: Int
    let columns: UnsafeMutablePointer<Column>
    let hasNominal: Bool
    let shape: Shape
    /// Where the numbers at the end of a block begin.
    let extraOffset: Int
    /// Numbers of one block: whole cache lines.
    let size: Int
    /// Attributes have places instead of columns: where the first one begins, and how long each is; 0 = columns.
    private let firstPlace: Int
    private let placeSize: Int

    /// - Parameter values: by attribute, codes there is room for; 0 = numeric.
    init(classes: Int, values: [Int], shape: Shape = Shape()) {
        self.classes = classes
        self.shape = shape
        count = values.count
        columns = .allocate(capacity: max(values.count, 1))
        let numericSize = shape.numericSize ?? Self.cellCount * classes
        var offset = Self.roundedUp(Self.headerCount + values.count)
        firstPlace = offset
        hasNominal = values.contains { $0 > 0 }
        let hasPlaces = shape.observed > 0 && shape.observed < values.count && !hasNominal
        placeSize = hasPlaces ? numericSize : 0
        for (index, values) in values.enumerated() {
            (columns + index).initialize(to: Column(offset: offset, values: values))
            if !hasPlaces { offset += values == 0 ? numericSize : (2 + values) * classes }
        }
        if hasPlaces { offset += shape.observed * numericSize }
        extraOffset = offset
        offset += shape.extra
        size = Self.roundedUp(offset)
    }

    deinit { columns.deallocate() }

    private static func roundedUp(_ count: Int) -> Int { (count + 7) & ~7 }

    /// The room for codes that holds `code`, as it grows.
    static func room(for code: Int) -> Int {
        var room = 4
        while room <= code { room *= 2 }
        return room
    }

    /// Whether all codes of a row have their room.
    @inline(__always)
    func hasRoom(for row: UnsafePointer<Double>) -> Bool {
        guard hasNominal else { return true }
        for index in 0..<count where columns[index].values > 0 {
            if row[index] >= Double(columns[index].values) { return false }
        }
        return true
    }

    /// Copies a block of this layout into one of a layout with more room, which is zero.
    func copy(_ block: UnsafePointer<Double>, to target: UnsafeMutablePointer<Double>, of layout: ObserverLayout) {
        for index in 0..<Self.headerCount + count { target[index] = block[index] }
        for index in 0..<count where block[Self.headerCount + index] != 0 || placeSize == 0 {
            let from = block + offset(of: index, in: block)
            let to = target + layout.offset(of: index, in: block)
            if columns[index].values == 0 {
                to.update(from: from, count: shape.numericSize ?? Self.cellCount * classes)
                continue
            }
            to.update(from: from, count: 2 * classes)
            for code in 0..<columns[index].values {
                (to + 2 * layout.classes + code * layout.classes).update(
                    from: from + 2 * classes + code * classes, count: classes)
            }
        }
        (target + layout.extraOffset).update(from: block + extraOffset, count: shape.extra)
    }
}

extension ObserverLayout {
    /// What the values of attributes count as: squares of them, added up, stay finite.
    @inline(__always)
    static func bounded(_ value: Double) -> Double { max(-1e100, min(1e100, value)) }

    /// Where the statistics of an observed attribute begin in a block.
    @inline(__always)
    func offset(of index: Int, in block: UnsafePointer<Double>) -> Int {
        guard placeSize > 0 else { return columns[index].offset }
        return firstPlace + (max(Int(block[Self.headerCount + index]), 1) - 1) * placeSize
    }

    /// Marks all attributes as observed.
    func observeAll(_ block: UnsafeMutablePointer<Double>) {
        for index in 0..<count { block[Self.headerCount + index] = 1 }
    }

    /// Marks attributes as observed: at most as many as there is room for.
    func observe(_ attributes: [Int], in block: UnsafeMutablePointer<Double>) {
        for (place, attribute) in attributes.enumerated() {
            block[Self.headerCount + attribute] = placeSize > 0 ? Double(place + 1) : 1
        }
    }

    /// Adds a row to the statistics of its class: numbers by Welford's update, codes by counting (Pfahringer, Holmes and
    /// Kirkby, Handling Numeric Attributes in Hoeffding Trees, 2008). Codes without room are passed over.
    @inline(__always)
    func learn(
        _ block: UnsafeMutablePointer<Double>, _ row: UnsafePointer<Double>, _ target: Int, _ weight: Double
    ) {
        for index in 0..<count {
            let given = row[index]
            if given.isNaN || block[Self.headerCount + index] == 0 { continue }
            let column = columns[index]
            if column.values == 0 {
                let offset = offset(of: index, in: block)
                Self.add(block + offset + Self.cellCount * target, Self.bounded(given), weight)
            } else if given < Double(column.values) {
                let head = block + column.offset + 2 * target
                head[0] += weight
                head[1] = max(head[1], given + 1)
                block[column.offset + 2 * classes + Int(given) * classes + target] += weight
            }
        }
    }

    @inline(__always)
    private static func add(_ cell: UnsafeMutablePointer<Double>, _ value: Double, _ weight: Double) {
        guard cell[0] > 0 else {
            cell[0] = weight
            cell[1] = value
            cell[2] = 0
            cell[3] = value
            cell[4] = value
            return
        }
        cell[0] += weight
        let distance = value - cell[1]
        cell[1] += weight * distance / cell[0]
        cell[2] += weight * distance * (value - cell[1])
        if value < cell[3] { cell[3] = value }
        if value > cell[4] { cell[4] = value }
    }

    /// The variance of a numeric cell; 0 where there is none.
    @inline(__always)
    static func variance(_ cell: UnsafePointer<Double>) -> Double { cell[0] > 1 ? cell[2] / (cell[0] - 1) : 0 }
}

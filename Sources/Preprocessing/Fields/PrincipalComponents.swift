import Components
import State

/// Principal components of number fields, as new fields `component_K`: the centred record along the directions in which
/// records differ most, the eigenvectors of the running covariance (Hotelling 1933), most first. What scikit-learn's
/// IncrementalPCA with all components finds, up to sign; here nothing is cut off before the covariance is known.
///
/// Directions are found anew after 2, 4, 8, ... records, and from `every` on every `every` records; a direction keeps its
/// sign. Before the first time components are missing. A missing number counts as its mean.
final class PrincipalComponents: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "pca", "principal components of number fields, as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"),
                HyperparameterField("components", .integer(1...256), default: "2", "directions"),
                HyperparameterField("every", .integer(1...1_000_000), default: "1000", "records between refreshes"),
                HyperparameterField(
                    "fading", .number(0...0.5), default: "0", "weight of the newest record; 0 = all count the same"),
            ])
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.numbers(parameters["fields"], "pca")
        let components = parameters.integer("components")
        guard columns.count <= 256 else {
            throw SettingError("pca: \(columns.count) number fields are too many (256); name some with fields=A+B")
        }
        guard components <= columns.count else {
            throw SettingError("pca: \(components) components of \(columns.count) number fields; take fewer")
        }
        var made: [Int] = []
        for index in 1...components { made.append(try layout.addNumber("component_\(index)")) }
        return PrincipalComponents(
            columns: columns, made: made, every: parameters.integer("every"), fading: parameters.double("fading"))
    }

    private let columns: [Int]
    private let made: [Int]
    private let every: Double
    /// Its second count is 1 once there are directions.
    private let covariance: RunningCovariance
    /// Direction after direction, and the means they were found with.
    private let directions: StateArray<Double>
    private let centers: StateArray<Double>
    private var values: [Double]

    init(columns: [Int], made: [Int], every: Int, fading: Double) {
        self.columns = columns
        self.made = made
        self.every = Double(every)
        covariance = RunningCovariance(width: columns.count, fading: fading)
        directions = StateArray(count: made.count * columns.count)
        centers = StateArray(count: columns.count)
        values = Array(repeating: 0, count: columns.count)
    }

    var state: [StateEntry] {
        covariance.state + [StateEntry("directions", directions), StateEntry("centers", centers)]
    }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            for (place, column) in columns.enumerated() { values[place] = records.number(column, row) }
            transform(records, row)
            guard records.isLearned(row) else { continue }
            let count = values.withUnsafeBufferPointer { values in
                values.baseAddress.map { covariance.learn($0, 1) } ?? 0
            }
            if isDue(count) { refresh() }
        }
    }

    private func isDue(_ count: Double) -> Bool {
        if count.truncatingRemainder(dividingBy: every) == 0 { return true }
        return count >= 2 && count < every && count.significand == 1
    }

    private func transform(_ records: RecordView, _ row: Int) {
        for (direction, column) in made.enumerated() {
            guard covariance.counts.base[1] > 0 else {
                records.setNumber(column, row, .nan)
                continue
            }
            let start = directions.base + direction * columns.count
            var sum = 0.0
            for (place, value) in values.enumerated() where !value.isNaN {
                sum += bounded(start[place] * bounded(value - centers.base[place]))
            }
            // Terms of both signs beyond what is finite cancel to no number.
            records.setNumber(column, row, sum.isNaN ? 0 : sum)
        }
    }

    private func refresh() {
        let width = columns.count
        let (found, vectors) = SymmetricMatrix.eigen(covariance.products.elements, width)
        guard let largest = found.first, largest > 0 else { return }
        for direction in made.indices {
            let start = directions.base + direction * width
            var product = 0.0
            for place in 0..<width { product += start[place] * vectors[direction * width + place] }
            for place in 0..<width {
                let number = vectors[direction * width + place]
                start[place] = product < 0 ? -number : number
            }
        }
        for place in 0..<width { centers.base[place] = covariance.means.base[place] }
        covariance.counts.base[1] = 1
    }
}

import Components
import State

/// Projects number fields on fewer directions that are drawn at random: new fields `projection_K`. Distances are kept
/// within 1 ± ε for O(ln n / ε²) directions (Johnson and Lindenstrauss); entries are +-1/sqrt(k) (Achlioptas 2003).
/// Missing numbers count as 0. Learns nothing.
final class RandomProjection: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "random-projection", "number fields on few random directions, as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"),
                HyperparameterField("components", .integer(1...1024), default: "8", "directions"),
            ])
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.numbers(parameters["fields"], "random-projection")
        var made: [Int] = []
        for index in 1...parameters.integer("components") {
            made.append(try layout.addNumber("projection_\(index)"))
        }
        return RandomProjection(columns: columns, made: made, seed: layout.seed)
    }

    private let columns: [Int]
    private let made: [Int]
    /// By direction and column; drawn from the seed, so it is no state.
    private let signs: [Double]

    init(columns: [Int], made: [Int], seed: UInt64) {
        self.columns = columns
        self.made = made
        let generator = RandomGenerator(seed: seed)
        let scale = 1 / Double(made.count).squareRoot()
        signs = (0..<made.count * columns.count).map { _ in generator.next() >> 63 == 0 ? scale : -scale }
    }

    var state: [StateEntry] { [] }

    func process(_ records: RecordView) {
        for row in 0..<records.batch.rows {
            for (direction, column) in made.enumerated() {
                var sum = 0.0
                for (place, source) in columns.enumerated() {
                    let value = records.number(source, row)
                    if !value.isNaN { sum = bounded(sum + signs[direction * columns.count + place] * value) }
                }
                records.setNumber(column, row, sum)
            }
        }
    }
}

import Components
import State

/// Products of number fields up to a degree: new fields `A*B` (River's PolynomialExtender, without the bias). Missing
/// where a factor is. Learns nothing.
final class Polynomial: RecordTransformer {
    static let descriptor = RecordTransformerDescriptor(
        Descriptor(
            "polynomial", "products of number fields as new fields",
            fields: [
                HyperparameterField("fields", .names, default: "*", "the number fields"),
                HyperparameterField("degree", .integer(2...4), default: "2", "factors at most"),
                HyperparameterField("interactions", .boolean, default: "false", "only of different fields"),
            ])
    ) { parameters, layout throws(SettingError) in
        let columns = try layout.numbers(parameters["fields"], "polynomial")
        var products: [[Int]] = []
        var last = columns.map { [$0] }
        for _ in 2...parameters.integer("degree") {
            last = last.flatMap { product in
                columns.filter { column in
                    guard let end = product.last, let from = columns.firstIndex(of: end),
                        let place = columns.firstIndex(of: column)
                    else { return false }
                    return parameters.boolean("interactions") ? place > from : place >= from
                }.map { product + [$0] }
            }
            products += last
            guard products.count <= 4096 else {
                throw SettingError("polynomial: these are more than 4096 products; name fewer fields (fields=A+B)")
            }
        }
        let names = layout.numberNames
        var made: [Int] = []
        for product in products { made.append(try layout.addNumber(product.map { names[$0] }.joined(separator: "*"))) }
        return Polynomial(products: products, made: made)
    }

    private let products: [[Int]]
    private let made: [Int]

    init(products: [[Int]], made: [Int]) {
        self.products = products
        self.made = made
    }

    var state: [StateEntry] { [] }

    func process(_ records: RecordView) {
        for (product, column) in zip(products, made) {
            for row in 0..<records.batch.rows {
                var value = 1.0
                for factor in product { value = bounded(value * records.number(factor, row)) }
                records.setNumber(column, row, value)
            }
        }
    }
}

import Foundation

/// Points of the unit square above or below a sine curve.
///
/// Source: Gama, Medas, Castillo and Rodrigues, "Learning with drift detection", SBIA 2004; the records are those of
/// MOA's `generators.SineGenerator`.
struct Sine: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "sine",
        summary: "above or below a sine curve (Gama et al. 2004)",
        options: [
            .whole(
                "function", "positive is below sin x (1), above it (2), below .5 + .3 sin(3 pi x) (3), above it (4)",
                1, in: 1...4),
            .flag("suppress-irrelevant", "1 leaves out the two irrelevant attributes"),
            ClassAlternation.option,
        ],
        build: { (seed, options) in
            Sine(
                seed: seed, function: options.whole("function"), relevantOnly: options.flag("suppress-irrelevant"),
                balance: options.flag("balance"))
        })

    let fields: [GeneratedField]
    private let isCompressed: Bool
    private let positiveIsBelow: Bool
    private var alternation: ClassAlternation
    private var random: JavaRandom

    private init(seed: UInt64, function: Int, relevantOnly: Bool, balance: Bool) {
        fields = GeneratedField.numbered("att", relevantOnly ? 2 : 4) + [.target(["positive", "negative"])]
        isCompressed = function > 2
        positiveIsBelow = function % 2 == 1
        alternation = ClassAlternation(isOn: balance)
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        var label = 0
        repeat {
            let x = random.nextDouble()
            let y = random.nextDouble()
            record[0] = x
            record[1] = y
            let curve = isCompressed ? 0.5 + 0.3 * sin(3 * Double.pi * x) : sin(x)
            label = (y < curve) == positiveIsBelow ? 0 : 1
        } while !alternation.accepts(label)
        for i in 2..<fields.count - 1 { record[i] = random.nextDouble() }
        record[fields.count - 1] = Double(label)
    }
}

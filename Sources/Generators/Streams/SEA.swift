/// Three attributes uniform in 0 to 10, of which two matter: the class tells whether their sum is above a threshold.
///
/// Source: Street and Kim, "A streaming ensemble algorithm (SEA) for large-scale classification", KDD 2001; the records
/// are those of MOA's `generators.SEAGenerator`.
struct SEA: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "sea",
        summary: "sum of two of three attributes against a threshold (Street and Kim 2001)",
        options: [
            .whole("function", "concept: 1 to 4 have the thresholds 8, 9, 7 and 9.5", 1, in: 1...4),
            ClassAlternation.option,
            .whole("noise", "records whose class is flipped, in percent", 10, in: 0...100),
        ],
        build: { (seed, options) in
            SEA(
                seed: seed, threshold: thresholds[options.whole("function") - 1], noise: Int32(options.whole("noise")),
                balance: options.flag("balance"))
        })

    private static let thresholds: [Double] = [8, 9, 7, 9.5]

    let fields = GeneratedField.numbered("attrib", 3) + [.target(["groupA", "groupB"])]
    private let threshold: Double
    private let noise: Int32
    private var alternation: ClassAlternation
    private var random: JavaRandom

    private init(seed: UInt64, threshold: Double, noise: Int32, balance: Bool) {
        self.threshold = threshold
        self.noise = noise
        alternation = ClassAlternation(isOn: balance)
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        var label = 0
        repeat {
            record[0] = 10 * random.nextDouble()
            record[1] = 10 * random.nextDouble()
            record[2] = 10 * random.nextDouble()
            label = record[0] + record[1] <= threshold ? 0 : 1
        } while !alternation.accepts(label)
        if random.happens(percent: noise) { label = 1 - label }
        record[3] = Double(label)
    }
}

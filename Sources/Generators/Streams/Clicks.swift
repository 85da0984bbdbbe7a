/// A stream of advertisement clicks: 13 counts, 26 categories of 3 to 300,000 values, and an abrupt drift.
///
/// Thalweg's own demonstration and benchmark stream. It has the shape of the Criteo display advertising challenge data
/// (Kaggle, 2014): heavy-tailed counts (given as the logarithm of one more, to 4 decimals), skewed categories with
/// values of eight hexadecimal digits, and about 22 % positives. The target follows a hidden logistic model, see
/// `ClickModel`. Memory is constant: no table grows with the cardinalities or with the number of records.
struct Clicks: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "clicks",
        summary: "advertisement clicks: 13 numeric and 26 categorical fields, abrupt drift (Criteo-shaped)",
        options: [
            .modelSeed,
            .whole(
                "drift-at", "records before the weights of C1, C6 and C10 change; 0 means never", 250_000,
                in: 0...1_000_000_000_000_000),
            .real("positive-rate", "fraction of positives before the drift", 0.22, in: 0.001...0.999),
        ],
        build: { (seed, options) in
            let model = ClickModel(seed: options.modelSeed, positiveRate: options.real("positive-rate"))
            return Clicks(seed: seed, model: model, driftAt: options.whole("drift-at"))
        })

    let fields: [GeneratedField]
    private var model: ClickModel
    private var random: SplitMix64
    /// Records left before the drift; nil when there is none to come.
    private var recordsToDrift: Int?

    private init(seed: UInt64, model: ClickModel, driftAt: Int) {
        let codes = ClickModel.cardinalities.enumerated().map { index, cardinality in
            // The salt only makes the fields look different.
            let kind = GeneratedField.Kind.code(cardinality: cardinality, salt: UInt32(index) &* 40503)
            return GeneratedField(name: "C\(index + 1)", kind: kind)
        }
        fields = GeneratedField.numbered("I", ClickModel.numerics) + codes + [.target(["0", "1"])]
        self.model = model
        random = SplitMix64(seed: seed)
        recordsToDrift = driftAt > 0 ? driftAt : nil
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        if let left = recordsToDrift {
            if left == 0 { model.drift() }
            recordsToDrift = left == 0 ? nil : left - 1
        }
        let logit = model.drawFeatures(into: record, &random)
        let isClick = random.nextUniform() < model.probability(logit)
        record[ClickModel.features] = isClick ? 1 : 0
    }
}

extension SplitMix64 {
    /// A uniform multiple of 2^-53 in `0 ..< 1`.
    @inline(__always)
    fileprivate mutating func nextUniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }
}

/// The seven segments of a digit on an LED display, each inverted with some probability, and 17 segments at random.
///
/// Source: Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984; the records are those of
/// MOA's `generators.LEDGenerator`, or of `generators.LEDGeneratorDrift` when `drift-attributes` is above 0: then that
/// many segments have changed places with irrelevant ones.
struct LED: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "led",
        summary: "digit shown by seven noisy display segments (Breiman et al. 1984)",
        options: [
            .whole("noise", "probability that a segment is inverted, in percent", 10, in: 0...100),
            .flag("suppress-irrelevant", "1 leaves out the 17 irrelevant attributes"),
            .whole("drift-attributes", "segments that swap places with irrelevant attributes", 0, in: 0...7),
        ],
        build: { (seed, options) in
            LED(
                seed: seed, noise: Int32(options.whole("noise")), relevantOnly: options.flag("suppress-irrelevant"),
                swapped: options.whole("drift-attributes"))
        })

    private static let segments = 7
    private static let irrelevant = 17
    /// Lit segments of each digit; bit 6 is the first attribute.
    private static let digits: [UInt8] = [
        0b1110111, 0b0010010, 0b1011101, 0b1011011, 0b0111010, 0b1101011, 0b1101111, 0b1010010, 0b1111111, 0b1111011,
    ]

    let fields: [GeneratedField]
    private let noise: Int32
    /// The attribute in which each drawn value is stored.
    private let places: [Int]
    private var random: JavaRandom

    private init(seed: UInt64, noise: Int32, relevantOnly: Bool, swapped: Int) {
        let count = Self.segments + (relevantOnly ? 0 : Self.irrelevant)
        fields =
            GeneratedField.numbered("att", count, kind: .categorical(["0", "1"]))
            + [.target((0..<10).map { "\($0)" })]
        self.noise = noise
        var places = Array(0..<count)
        // Without irrelevant attributes there is nothing to swap with; MOA ignores the option then.
        for segment in 0..<(relevantOnly ? 0 : swapped) { places.swapAt(segment, Self.segments + segment) }
        self.places = places
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        let digit = Int(random.nextInt(10))
        let lit = Self.digits[digit]
        for segment in 0..<Self.segments {
            let bit = (lit >> UInt8(Self.segments - 1 - segment)) & 1
            record[places[segment]] = Double(random.happens(percent: noise) ? 1 - bit : bit)
        }
        for position in Self.segments..<places.count {
            record[places[position]] = Double(random.nextInt(2))
        }
        record[places.count] = Double(digit)
    }
}

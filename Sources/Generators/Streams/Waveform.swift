/// Mixtures of two of three triangular waves, sampled at 21 points with standard normal noise.
///
/// Source: Breiman, Friedman, Olshen and Stone, "Classification and Regression Trees", 1984; the records are those of
/// MOA's `generators.WaveformGenerator`, or of `generators.WaveformGeneratorDrift` when `drift-attributes` is above 0:
/// then attributes have changed places, and the first record is drawn after the two numbers that tell which.
struct Waveform: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "waveform",
        summary: "mixture of two of three waves (Breiman et al. 1984)",
        options: [
            .flag("add-noise", "1 adds 19 attributes of pure noise"),
            .whole("drift-attributes", "number of swaps of attributes", 0, in: 0...40),
        ],
        build: { (seed, options) in
            Waveform(seed: seed, addNoise: options.flag("add-noise"), swaps: options.whole("drift-attributes"))
        })

    private static let points = 21
    private static let attributesWithNoise = 40
    /// Each wave is a triangle of height 6 with its peak at one of these points.
    private static let peaks = [6, 14, 10]
    /// Which two waves each class mixes.
    private static let mixtures = [(0, 1), (0, 2), (1, 2)]

    let fields: [GeneratedField]
    /// The attribute in which each drawn value is stored.
    private let places: [Int]
    private let waves: [Double]
    private var random: JavaRandom

    private init(seed: UInt64, addNoise: Bool, swaps: Int) {
        let count = addNoise ? Self.attributesWithNoise : Self.points
        fields = GeneratedField.numbered("att", count) + [.target(classes: 3)]
        waves = Self.peaks.flatMap { peak in (0..<Self.points).map { Double(max(0, 6 - abs($0 - peak))) } }
        random = JavaRandom(seed: seed)
        var places = Array(0..<count)
        if swaps > 0 {
            let from = Int(random.nextInt(Int32(count)))
            let to = Int(random.nextInt(Int32(count)))
            for i in 0..<swaps { places.swapAt((i + from) % count, (i + to) % count) }
        }
        self.places = places
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        let label = Int(random.nextInt(3))
        let mixture = Self.mixtures[label]
        let first = mixture.0 * Self.points
        let second = mixture.1 * Self.points
        let share = random.nextDouble()
        let rest = 1 - share
        for i in 0..<Self.points {
            record[places[i]] = share * waves[first + i] + rest * waves[second + i] + random.nextGaussian()
        }
        for i in Self.points..<places.count { record[places[i]] = random.nextGaussian() }
        record[places.count] = Double(label)
    }
}

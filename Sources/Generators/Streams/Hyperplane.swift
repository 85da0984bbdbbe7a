/// Points of the unit cube on either side of a plane whose weights change gradually.
///
/// Source: Hulten, Spencer and Domingos, "Mining time-changing data streams", KDD 2001; the records are those of MOA's
/// `generators.HyperplaneGenerator`, which labels only two classes however many are declared.
struct Hyperplane: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "hyperplane",
        summary: "two sides of a slowly turning plane (Hulten, Spencer and Domingos 2001)",
        options: [
            .whole("classes", "number of classes declared; only the first two occur", 2, in: 2...10_000),
            .whole("attributes", "number of attributes", 10, in: 1...10_000),
            .whole("drift-attributes", "number of attributes whose weight changes", 2, in: 0...10_000),
            .real("drift-magnitude", "change of a weight with each record", 0, in: 0...1),
            .whole("noise", "records whose class is flipped, in percent", 5, in: 0...100),
            .whole("reversal", "probability that a weight's change turns round, in percent", 10, in: 0...100),
        ],
        build: { (seed, options) throws(GeneratorError) in try Hyperplane(seed: seed, options: options) })

    let fields: [GeneratedField]
    private var weights: [Double]
    /// The directions in which the weights of the drifting attributes change, 1 or -1.
    private var directions: [Double]
    private let magnitude: Double
    private let noise: Int32
    private let reversal: Int32
    private var random: JavaRandom

    private init(seed: UInt64, options: OptionValues) throws(GeneratorError) {
        let attributes = options.whole("attributes")
        let drifting = options.whole("drift-attributes")
        guard drifting <= attributes else {
            throw options.conflict("drift-attributes is \(drifting), but there are \(attributes) attributes")
        }
        fields = GeneratedField.numbered("att", attributes) + [.target(classes: options.whole("classes"))]
        var random = JavaRandom(seed: seed)
        weights = (0..<attributes).map { _ in random.nextDouble() }
        directions = [Double](repeating: 1, count: drifting)
        magnitude = options.real("drift-magnitude")
        noise = Int32(options.whole("noise"))
        reversal = Int32(options.whole("reversal"))
        self.random = random
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        var sum = 0.0
        var weightSum = 0.0
        for i in weights.indices {
            let value = random.nextDouble()
            record[i] = value
            sum += weights[i] * value
            weightSum += weights[i]
        }
        let isAbove = sum >= weightSum * 0.5
        // Noise flips the class, so a record is in the second class when exactly one of the two holds.
        record[weights.count] = isAbove != random.happens(percent: noise) ? 1 : 0
        drift()
    }

    private mutating func drift() {
        for i in directions.indices {
            weights[i] += directions[i] * magnitude
            if random.happens(percent: reversal) { directions[i] = -directions[i] }
        }
    }
}

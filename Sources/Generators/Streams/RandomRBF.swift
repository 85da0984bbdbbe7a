/// Clusters at random places: a record is a centre chosen by weight, plus a random direction of normal length.
///
/// Source: MOA's `generators.RandomRBFGenerator` (Bifet, Holmes, Kirkby and Pfahringer, "MOA: Massive Online Analysis",
/// JMLR 11, 2010), or `generators.RandomRBFGeneratorDrift` when `drift-speed` is above 0: then the centres move at
/// constant speed and bounce off the walls of the unit cube.
struct RandomRBF: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "random-rbf",
        summary: "clusters around random centres, which may move (Bifet et al. 2010)",
        options: [
            .modelSeed,
            .whole("classes", "number of classes", 2, in: 2...10_000),
            .whole("attributes", "number of attributes", 10, in: 1...10_000),
            .whole("centroids", "number of centres", 50, in: 1...100_000),
            .real("drift-speed", "distance a centre moves with each record", 0, in: 0...1),
            .whole("drift-centroids", "number of centres that move", 50, in: 0...100_000),
        ],
        build: { (seed, options) throws(GeneratorError) in try RandomRBF(seed: seed, options: options) })

    let fields: [GeneratedField]
    private let attributes: Int
    /// Coordinates of all centres, one centre after the other.
    private var centres: [Double]
    private let labels: [Int32]
    private let deviations: [Double]
    /// Running sums of the weights, added up in MOA's order.
    private let cumulativeWeights: [Double]
    /// Velocity of the moving centres, laid out like `centres`; a coordinate's sign turns at the walls.
    private var velocities: [Double]
    private let speed: Double
    private var random: JavaRandom

    /// 400 MB of coordinates; the ranges of the two options alone would allow 8 GB.
    private static let mostCoordinates = 50_000_000

    private init(seed: UInt64, options: OptionValues) throws(GeneratorError) {
        let attributes = options.whole("attributes")
        guard attributes * options.whole("centroids") <= Self.mostCoordinates else {
            throw options.conflict("attributes times centroids is above \(Self.mostCoordinates)")
        }
        let classes = options.whole("classes")
        fields = GeneratedField.numbered("att", attributes) + [.target(classes: classes)]
        var model = JavaRandom(seed: options.modelSeed)
        var centres: [Double] = []
        var labels: [Int32] = []
        var deviations: [Double] = []
        var cumulative: [Double] = []
        var total = 0.0
        for _ in 0..<options.whole("centroids") {
            for _ in 0..<attributes { centres.append(model.nextDouble()) }
            labels.append(model.nextInt(Int32(classes)))
            deviations.append(model.nextDouble())
            total += model.nextDouble()
            cumulative.append(total)
        }
        speed = options.real("drift-speed")
        // At speed 0 nothing moves, so nothing needs a velocity.
        let moving = speed > 0 ? min(options.whole("drift-centroids"), labels.count) : 0
        velocities = Self.directions(count: moving, attributes: attributes, seed: options.modelSeed)
        self.attributes = attributes
        self.centres = centres
        self.labels = labels
        self.deviations = deviations
        cumulativeWeights = cumulative
        random = JavaRandom(seed: seed)
    }

    /// Unit vectors; MOA draws them from the model's seed once more, so they repeat the coordinates of the centres.
    private static func directions(count: Int, attributes: Int, seed: UInt64) -> [Double] {
        var model = JavaRandom(seed: seed)
        var all: [Double] = []
        for _ in 0..<count {
            let direction = (0..<attributes).map { _ in model.nextDouble() }
            let length = direction.reduce(0) { $0 + $1 * $1 }.squareRoot()
            all += direction.map { $0 / length }
        }
        return all
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        if !velocities.isEmpty { move() }
        let chosen = centreIndex(at: random.nextDouble() * cumulativeWeights[cumulativeWeights.count - 1])
        var square = 0.0
        for i in 0..<attributes {
            let component = random.nextDouble() * 2 - 1
            record[i] = component
            square += component * component
        }
        let scale = random.nextGaussian() * deviations[chosen] / square.squareRoot()
        let first = chosen * attributes
        for i in 0..<attributes { record[i] = centres[first + i] + record[i] * scale }
        record[attributes] = Double(labels[chosen])
    }

    /// The first centre whose running sum exceeds a value; the last one when rounding let none do so.
    private func centreIndex(at value: Double) -> Int {
        var low = 0
        var high = cumulativeWeights.count - 1
        while low < high {
            let middle = (low + high) / 2
            if cumulativeWeights[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }

    private mutating func move() {
        for i in velocities.indices {
            centres[i] += velocities[i] * speed
            if centres[i] > 1 {
                centres[i] = 1
                velocities[i] = -velocities[i]
            } else if centres[i] < 0 {
                centres[i] = 0
                velocities[i] = -velocities[i]
            }
        }
    }
}

/// Objects of a size, a colour and a shape, and three rules about them.
///
/// Source: Schlimmer and Granger, "Incremental learning from noisy data", Machine Learning 1(3), 1986; the records are
/// those of MOA's `generators.STAGGERGenerator`.
struct STAGGER: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "stagger",
        summary: "size, colour and shape, three rules (Schlimmer and Granger 1986)",
        options: [
            .whole(
                "function", "rule: small and red (1), green or circle (2), medium or large (3)", 1, in: 1...3),
            ClassAlternation.option,
        ],
        build: { (seed, options) in
            STAGGER(seed: seed, function: options.whole("function"), balance: options.flag("balance"))
        })

    let fields = [
        GeneratedField(name: "size", kind: .categorical(["small", "medium", "large"])),
        GeneratedField(name: "color", kind: .categorical(["red", "blue", "green"])),
        GeneratedField(name: "shape", kind: .categorical(["circle", "square", "triangle"])),
        .target(["false", "true"]),
    ]
    private let function: Int
    private var alternation: ClassAlternation
    private var random: JavaRandom

    private init(seed: UInt64, function: Int, balance: Bool) {
        self.function = function
        alternation = ClassAlternation(isOn: balance)
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        var label = 0
        repeat {
            let size = random.nextInt(3)
            let color = random.nextInt(3)
            let shape = random.nextInt(3)
            record[0] = Double(size)
            record[1] = Double(color)
            record[2] = Double(shape)
            let holds =
                switch function {
                case 1: size == 0 && color == 0
                case 2: color == 2 || shape == 0
                default: size != 0
                }
            label = holds ? 1 : 0
        } while !alternation.accepts(label)
        record[3] = Double(label)
    }
}

/// Card payments as they come out of a shop's books: made to show preprocessing at work.
///
/// Times are epoch seconds, about one payment every twenty seconds; one in a hundred records comes twice, one in two
/// hundred an hour late; fees have a decimal comma or are missing (`NA`); notes are short texts. A payment is more often
/// fraud when it is large for its user, at night, in the wrong country, or when its note says so. Only whole-number and
/// plain floating-point arithmetic, so that records are the same everywhere.
struct Payments: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "payments",
        summary: "card payments with times, texts, repeats and late ones, for trying preprocessing",
        options: [
            .whole("users", "people who pay", 400, in: 1...1_000_000),
            .real("fraud-rate", "what the fraction of fraud is near", 0.1, in: 0.001...0.5),
        ],
        build: { (seed, options) in
            Payments(seed: seed, users: options.whole("users"), rate: options.real("fraud-rate"))
        })

    private static let countries = ["AT", "CH", "DE", "FR", "IT", "US"]
    private static let fees = ["0,25", "0,5", "1,75", "2,5", "NA"]
    private static let honest = ["monthly rent", "thank you for the good food", "books", "train ticket to town"]
    private static let odd = ["urgent gift card", "send at once please", "books", "prize fee to claim"]
    private static let start = 1_767_225_600.0

    let fields: [GeneratedField]
    private let users: Int
    private let rate: Double
    private var random: SplitMix64
    private var count = 0
    private var time = Payments.start
    private var last: [Double] = []

    private init(seed: UInt64, users: Int, rate: Double) {
        self.users = users
        self.rate = rate
        random = SplitMix64(seed: seed)
        fields = [
            GeneratedField(name: "payment", kind: .numeric), GeneratedField(name: "when", kind: .numeric),
            GeneratedField(name: "user", kind: .code(cardinality: users, salt: 7)),
            GeneratedField(name: "country", kind: .categorical(Self.countries)),
            GeneratedField(name: "amount", kind: .numeric), GeneratedField(name: "balance", kind: .numeric),
            GeneratedField(name: "fee", kind: .categorical(Self.fees)),
            GeneratedField(name: "vip", kind: .categorical(["no", "yes"])),
            GeneratedField(name: "note", kind: .categorical(Self.honest + Self.odd)), .target(["0", "1"]),
        ]
    }

    /// A uniform multiple of 2^-53 in `0 ..< 1`.
    private mutating func uniform() -> Double { Double(random.next() >> 11) * 0x1p-53 }

    private mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        if !last.isEmpty, pick(100) == 0 {
            for (index, value) in last.enumerated() { record[index] = value }
            return
        }
        count += 1
        time += Double(1 + pick(40))
        let user = pick(users)
        let home = user % Self.countries.count
        let isFraud = uniform() < rate
        let isOdd = isFraud && pick(4) != 0
        // A user's usual amount is between 5 and 100; sums of uniforms are bell-shaped.
        let usual = Double(5 + user * 37 % 96)
        let spread = uniform() + uniform() + uniform()
        let amount = usual * spread * (isOdd ? 3 + uniform() : 1)
        record[0] = Double(count)
        record[1] = pick(200) == 0 ? time - 3600 : time
        record[2] = Double(user)
        record[3] = Double(isOdd || pick(10) == 0 ? pick(Self.countries.count) : home)
        record[4] = (amount * 100).rounded() / 100
        record[5] = (uniform() * 50_000).rounded() / 100
        record[6] = Double(pick(Self.fees.count))
        record[7] = Double(user % 5 == 0 ? 1 : 0)
        record[8] = Double(isOdd && pick(2) == 0 ? Self.honest.count + pick(Self.odd.count) : pick(Self.honest.count))
        record[9] = isFraud ? 1 : 0
        last = (0..<fields.count).map { record[$0] }
    }
}

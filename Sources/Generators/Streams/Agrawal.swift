/// Loan applicants: nine attributes and ten rules that decide between two groups.
///
/// Source: Agrawal, Imielinski and Swami, "Database mining: a performance perspective", IEEE Transactions on Knowledge
/// and Data Engineering 5(6), 1993; the records are those of MOA's `generators.AgrawalGenerator`. Money is in dollars,
/// ages and `hyears` in years. MOA cuts the perturbed `hvalue` off at 135,000, below nearly every value it draws; so do
/// we.
struct Agrawal: RecordGenerator {
    static let descriptor = GeneratorDescriptor(
        name: "agrawal",
        summary: "loan applicants, ten rules (Agrawal, Imielinski and Swami 1993)",
        options: [
            .whole("function", "rule, 1 to 10", 1, in: 1...10),
            .real("perturbation", "noise of numeric values, as a fraction of their range", 0.05, in: 0...1),
            ClassAlternation.option,
        ],
        build: { (seed, options) in
            Agrawal(
                seed: seed, rule: AgrawalRule(number: options.whole("function")),
                perturbation: options.real("perturbation"), balance: options.flag("balance"))
        })

    let fields = [
        GeneratedField(name: "salary", kind: .numeric),
        GeneratedField(name: "commission", kind: .numeric),
        GeneratedField(name: "age", kind: .numeric),
        GeneratedField(name: "elevel", kind: .categorical(GeneratedField.names("level", 0...4))),
        GeneratedField(name: "car", kind: .categorical(GeneratedField.names("car", 1...20))),
        GeneratedField(name: "zipcode", kind: .categorical(GeneratedField.names("zipcode", 1...9))),
        GeneratedField(name: "hvalue", kind: .numeric),
        GeneratedField(name: "hyears", kind: .numeric),
        GeneratedField(name: "loan", kind: .numeric),
        .target(["groupA", "groupB"]),
    ]
    private let rule: AgrawalRule
    private let perturbation: Double
    private var alternation: ClassAlternation
    private var random: JavaRandom

    private init(seed: UInt64, rule: AgrawalRule, perturbation: Double, balance: Bool) {
        self.rule = rule
        self.perturbation = perturbation
        alternation = ClassAlternation(isOn: balance)
        random = JavaRandom(seed: seed)
    }

    mutating func next(into record: UnsafeMutableBufferPointer<Double>) {
        var applicant = drawn()
        var label = rule.label(applicant)
        while !alternation.accepts(label) {
            applicant = drawn()
            label = rule.label(applicant)
        }
        if perturbation > 0 { perturb(&applicant) }
        record[0] = applicant.salary
        record[1] = applicant.commission
        record[2] = applicant.age
        record[3] = Double(applicant.education)
        record[4] = Double(applicant.car)
        record[5] = Double(applicant.area)
        record[6] = applicant.houseValue
        record[7] = applicant.houseYears
        record[8] = applicant.loan
        record[9] = Double(label)
    }

    /// One applicant; the order of the draws is MOA's.
    private mutating func drawn() -> AgrawalApplicant {
        let salary = 20_000 + 130_000 * random.nextDouble()
        let commission = salary >= 75_000 ? 0 : 10_000 + 65_000 * random.nextDouble()
        let age = Double(20 + random.nextInt(61))
        let education = random.nextInt(5)
        let car = random.nextInt(20)
        let area = random.nextInt(9)
        let houseValue = (9 - Double(area)) * 100_000 * (0.5 + random.nextDouble())
        let houseYears = Double(1 + random.nextInt(30))
        let loan = random.nextDouble() * 500_000
        return AgrawalApplicant(
            salary: salary, commission: commission, age: age, education: education, car: car, area: area,
            houseValue: houseValue, houseYears: houseYears, loan: loan)
    }

    /// Adds noise to the numeric values, after the class was decided.
    private mutating func perturb(_ applicant: inout AgrawalApplicant) {
        applicant.salary = perturbed(applicant.salary, in: 20_000...150_000)
        if applicant.commission > 0 { applicant.commission = perturbed(applicant.commission, in: 10_000...75_000) }
        applicant.age = perturbed(applicant.age, in: 20...80).rounded()
        let houseRange = (9 - Double(applicant.area)) * 100_000
        applicant.houseValue = perturbed(applicant.houseValue, by: houseRange, in: 0...135_000)
        applicant.houseYears = perturbed(applicant.houseYears, in: 1...30).rounded()
        applicant.loan = perturbed(applicant.loan, in: 0...500_000)
    }

    private mutating func perturbed(_ value: Double, in limits: ClosedRange<Double>) -> Double {
        perturbed(value, by: limits.upperBound - limits.lowerBound, in: limits)
    }

    private mutating func perturbed(_ value: Double, by range: Double, in limits: ClosedRange<Double>) -> Double {
        let moved = value + range * (2 * (random.nextDouble() - 0.5)) * perturbation
        return min(max(moved, limits.lowerBound), limits.upperBound)
    }
}

/// What the rules of the Agrawal stream look at.
struct AgrawalApplicant {
    var salary: Double
    var commission: Double
    var age: Double
    /// Education level, 0 to 4.
    let education: Int32
    let car: Int32
    /// Zip code, 0 to 8.
    let area: Int32
    var houseValue: Double
    var houseYears: Double
    var loan: Double

    /// The rules know three ages: below 40, below 60, and the rest.
    var ageBand: Int { age < 40 ? 0 : age < 60 ? 1 : 2 }

    var income: Double { salary + commission }
}

/// One of the ten rules; label 0 is groupA, label 1 groupB.
///
/// Most rules ask whether an amount lies in a window of fixed width whose start depends on the age band.
struct AgrawalRule: Sendable {
    let number: Int

    private static let salaryStart: [Double] = [50_000, 75_000, 25_000]
    private static let salaryWidth = 50_000.0
    private static let loanWidth = 200_000.0

    func label(_ applicant: AgrawalApplicant) -> Int {
        isGroupA(applicant) ? 0 : 1
    }

    private func isGroupA(_ one: AgrawalApplicant) -> Bool {
        let band = one.ageBand
        switch number {
        case 1: return band != 1
        case 2: return Self.usualSalary(one.salary, band)
        case 3: return Self.usualEducation(one.education, band)
        case 4: return Self.salaryFitsEducation(one, band)
        case 5: return Self.loanFitsSalary(one, band)
        case 6: return Self.usualSalary(one.income, band)
        case 7: return 2 * one.income / 3 - one.loan / 5 - 20_000 > 0
        case 8: return 2 * one.income / 3 - 5000 * Double(one.education) - 20_000 > 0
        case 9: return 2 * one.income / 3 - 5000 * Double(one.education) - one.loan / 5 - 10_000 > 0
        default:
            let equity = one.houseYears >= 20 ? one.houseValue * (one.houseYears - 20) / 10 : 0
            return 2 * one.income / 3 - 5000 * Double(one.education) + equity / 5 - 10_000 > 0
        }
    }

    private static func inWindow(_ value: Double, from start: Double, width: Double) -> Bool {
        start <= value && value <= start + width
    }

    private static func usualSalary(_ amount: Double, _ band: Int) -> Bool {
        inWindow(amount, from: salaryStart[band], width: salaryWidth)
    }

    private static func usualEducation(_ level: Int32, _ band: Int) -> Bool {
        switch band {
        case 0: level <= 1
        case 1: level >= 1 && level <= 3
        default: level >= 2
        }
    }

    private static func salaryFitsEducation(_ one: AgrawalApplicant, _ band: Int) -> Bool {
        let usual = usualEducation(one.education, band)
        let start: Double =
            switch band {
            case 0: usual ? 25_000 : 50_000
            case 1: usual ? 50_000 : 75_000
            default: usual ? 50_000 : 25_000
            }
        return inWindow(one.salary, from: start, width: salaryWidth)
    }

    private static func loanFitsSalary(_ one: AgrawalApplicant, _ band: Int) -> Bool {
        let usual = usualSalary(one.salary, band)
        let start: Double =
            switch band {
            case 0: usual ? 100_000 : 200_000
            case 1: usual ? 200_000 : 300_000
            default: usual ? 300_000 : 100_000
            }
        return inWindow(one.loan, from: start, width: loanWidth)
    }
}

import Records
import Testing

@testable import Profile

@Suite struct SplitRuleTests {
    /// Parts of records with the given ids and strata.
    private func parts(
        _ rule: SplitRule, _ records: [String], ids: [String]? = nil, strata: [String]? = nil, times: [Double?]? = nil
    ) throws -> [Int?] {
        var rule = rule
        func range(_ text: String?) -> ByteRange? {
            text.map { text in
                let chunk = Chunk(capacity: 64)
                Array(text.utf8).withUnsafeBufferPointer { chunk.append(ByteRange($0.baseAddress, $0.count)) }
                kept.chunks.append(chunk)
                return ByteRange(chunk.base, chunk.count)
            }
        }
        return try records.indices.map { index in
            let record = range(records[index]) ?? .empty
            return try rule.part(
                of: record, id: range(ids?[index]), stratum: range(strata?[index]), time: times?[index])
        }
    }

    private final class Kept { var chunks: [Chunk] = [] }
    private let kept = Kept()
    private let shares = [0.8, 0.1, 0.1]

    private func count(_ parts: [Int?], _ part: Int) -> Int { parts.count { $0 == part } }

    @Test(arguments: [UInt64(1), 2, 77]) func hashKeepsSharesIdsAndAnswers(_ seed: UInt64) throws {
        let ids = (0..<4_000).map { "user \($0 % 1_000)" }
        let records = (0..<4_000).map { "record \($0)" }
        let rule = SplitRule(shares: shares, method: .hash, seed: seed, hasStrata: false)
        let parts = try parts(rule, records, ids: ids)
        #expect(parts == (try self.parts(rule, records, ids: ids)), "the same again")
        for index in 1_000..<4_000 { #expect(parts[index] == parts[index % 1_000]) }
        for (part, share) in shares.enumerated() {
            // Four standard deviations of a binomial over 5,000 ids.
            let deviation = 4 * (share * (1 - share) / 1_000).squareRoot()
            #expect(abs(Double(count(parts, part)) / 4_000 - share) < deviation, "part \(part), seed \(seed)")
        }
        let other = SplitRule(shares: shares, method: .hash, seed: seed + 1, hasStrata: false)
        #expect(parts != (try self.parts(other, records, ids: ids)), "another seed, another split")
    }

    @Test func equalRecordsStayTogether() throws {
        let rule = SplitRule(shares: shares, method: .hash, seed: 1, hasStrata: false)
        let parts = try parts(rule, (0..<400).map { "record \($0 % 200)" })
        #expect(parts[..<200] == parts[200...])
    }

    @Test(arguments: [SplitMethod.hash, .every]) func strataHaveTheSharesToTheRecord(_ method: SplitMethod) throws {
        let strata = (0..<3_000).map { $0 % 7 == 0 ? "rare" : "common" }
        let rule = SplitRule(shares: shares, method: method, seed: 3, hasStrata: true)
        let parts = try parts(rule, (0..<3_000).map { "record \($0)" }, strata: strata)
        for name in ["rare", "common"] {
            let own = zip(parts, strata).filter { $0.1 == name }.map(\.0)
            for (part, share) in shares.enumerated() {
                #expect(
                    abs(Double(count(own, part)) - share * Double(own.count)) <= 10 * share + 1, "\(name), part \(part)"
                )
            }
        }
    }

    @Test func anIdWinsOverItsStratum() throws {
        let ids = (0..<2_000).map { "user \($0 % 300)" }
        let strata = (0..<2_000).map { "\($0 % 2)" }
        let rule = SplitRule(shares: shares, method: .hash, seed: 3, hasStrata: true)
        let parts = try parts(rule, (0..<2_000).map { "record \($0)" }, ids: ids, strata: strata)
        for index in 300..<2_000 { #expect(parts[index] == parts[index % 300]) }
    }

    @Test func everyTenthRecord() throws {
        let rule = SplitRule(shares: [0.9, 0, 0.1], method: .every, seed: 1, hasStrata: false)
        let parts = try parts(rule, (0..<100).map { "\($0)" })
        let tests = parts.indices.filter { parts[$0] == 2 }
        #expect(tests.count == 10 && zip(tests, tests.dropFirst()).allSatisfy { $1 - $0 == 10 })
        #expect(count(parts, 1) == 0)
    }

    @Test func timesDivideAtTheBoundaries() throws {
        let rule = SplitRule(shares: shares, method: .time, seed: 1, hasStrata: false, boundaries: [10, 20])
        let times: [Double?] = [0, 9.9, 10, 19, 20, nil, 5]
        #expect(try parts(rule, times.map { "\($0 ?? -1)" }, times: times) == [0, 0, 1, 1, 2, nil, 0])
        let ids = ["a", "b", "b", "a", "c", "d", "c"]
        let together = try parts(rule, times.map { "\($0 ?? -1)" }, ids: ids, times: times)
        #expect(together == [0, 0, 0, 0, 2, nil, 2], "an id stays where it began")
    }
}

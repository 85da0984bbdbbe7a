import Glibc
import State
import Testing

@testable import Statistics

@Suite struct MomentTests {
    /// scipy 1.x: x = [1, 2, 3, 4, 10, 11, 25]; mean, var(ddof=1), skew(x), kurtosis(x); with y = [2, 1, 4, 3, 8, 12, 20]
    /// numpy.corrcoef.
    @Test func equalScipy() {
        let x: [Double] = [1, 2, 3, 4, 10, 11, 25]
        let y: [Double] = [2, 1, 4, 3, 8, 12, 20]
        let moments = PairMoments(x, y, x.count)
        #expect(abs(moments.mean - 8) < 1e-12)
        #expect(abs((moments.variance ?? 0) - MomentTests.expected[0]) < 1e-9)
        #expect(abs((moments.skewness ?? 0) - MomentTests.expected[1]) < 1e-9)
        #expect(abs((moments.kurtosis ?? 0) - MomentTests.expected[2]) < 1e-9)
        #expect(abs((moments.correlation ?? 0) - MomentTests.expected[3]) < 1e-9)
    }

    static let expected = [71.33333333333333, 1.254968014025173, 0.37022884094680686, 0.9806505941446602]

    @Test(arguments: [UInt64(1), 2]) func mergedEqualsSingle(_ seed: UInt64) {
        var mixer = SplitMix(state: seed)
        let x = (0..<999).map { _ in 1e6 + mixer.uniform() }
        let y = x.map { value in mixer.uniform() < 0.2 ? .nan : value * 2 + mixer.uniform() }
        let whole = PairMoments(x, y, x.count)
        var merged = PairMoments()
        for (from, to) in [(0, 1), (1, 400), (400, 400), (400, 999)] {
            merged.merge(PairMoments(Array(x[from..<to]), Array(y[from..<to]), to - from))
        }
        func isClose(_ a: Double?, _ b: Double?) -> Bool { abs((a ?? .nan) - (b ?? 0)) < 1e-6 }
        #expect(isClose(merged.mean, whole.mean) && isClose(merged.variance, whole.variance))
        #expect(isClose(merged.skewness, whole.skewness) && isClose(merged.kurtosis, whole.kurtosis), "seed \(seed)")
        #expect(isClose(merged.correlation, whole.correlation) && merged.pairs == whole.pairs)
    }

    @Test func undefinedIsNil() {
        #expect(PairMoments().variance == nil && PairMoments().correlation == nil)
        let constant = PairMoments([2, 2, 2], [1, 2, 3], 3)
        #expect(constant.variance == 0 && constant.skewness == nil && constant.correlation == nil)
        let wild = PairMoments([1e308, -1e308, 1e308], nil, 3)
        #expect(wild.variance == nil && wild.skewness == nil)
    }

    @Test func informationOfKnownTables() {
        // A field that equals the target tells all of it, an independent one nothing.
        let same = JointCounts(bins: 3, targetBins: 2)
        same.cells[0 * same.stride + 0] = 500
        same.cells[2 * same.stride + 1] = 500
        same.cells[1 * same.stride + 2] = 77  // unknown targets count for nothing
        #expect(abs((same.information?.mutual ?? 0) - log(2)) < 1e-3)
        #expect((same.information?.share ?? 0) > 0.999)
        let none = JointCounts(bins: 2, targetBins: 2)
        for cell in [0, 1, none.stride, none.stride + 1] { none.cells[cell] = 250 }
        #expect(none.information?.mutual == 0)
        // sklearn.metrics.mutual_info_score of the same counts, 0.0822829, less the bias of 1 / 2000.
        let some = JointCounts(bins: 2, targetBins: 2)
        for (cell, count) in [(0, 350), (1, 150), (some.stride, 150), (some.stride + 1, 350)] as [(Int, Int64)] {
            some.cells[cell] = count
        }
        #expect(abs((some.information?.mutual ?? 0) - (0.08228287850505189 - 1.0 / 2000)) < 1e-9)
        #expect(JointCounts(bins: 2, targetBins: 2).information == nil)
    }
}

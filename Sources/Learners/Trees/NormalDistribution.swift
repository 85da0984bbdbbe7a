import Glibc

/// The normal distribution function by the rational approximations of Cephes 2.2 (Moshier), which MOA uses too: the
/// class weights that a split passes on are equal to MOA's to the last bits.
enum NormalDistribution {
    private static let halfRoot = 0.7071067811865476
    private static let largestExponent = 709.782712893384

    /// P(X <= a) for a standard normal X.
    static func cumulative(_ a: Double) -> Double {
        let x = a * halfRoot
        let z = abs(x)
        guard z >= halfRoot else { return 0.5 + 0.5 * error(x) }
        let y = 0.5 * complement(z)
        return x > 0 ? 1 - y : y
    }

    /// erf(x).
    private static func error(_ x: Double) -> Double {
        guard abs(x) <= 1 else { return 1 - complement(x) }
        let z = x * x
        var p = 9.60497373987051638749
        p = p * z + 9.00260197203842689217e1
        p = p * z + 2.23200534594684319226e3
        p = p * z + 7.00332514112805075473e3
        p = p * z + 5.55923013010394962768e4
        var q = z + 3.35617141647503099647e1
        q = q * z + 5.21357949780152679795e2
        q = q * z + 4.59432382970980127987e3
        q = q * z + 2.26290000613890934246e4
        q = q * z + 4.92673942608635921086e4
        return x * p / q
    }

    /// 1 - erf(a).
    private static func complement(_ a: Double) -> Double {
        let x = abs(a)
        guard x >= 1 else { return 1 - error(a) }
        guard -a * a >= -largestExponent else { return a < 0 ? 2 : 0 }
        let (p, q) = x < 8 ? middle(x) : tail(x)
        let y = exp(-a * a) * p / q
        return a < 0 ? 2 - y : y
    }

    private static func middle(_ x: Double) -> (Double, Double) {
        var p = 2.46196981473530512524e-10
        p = p * x + 5.64189564831068821977e-1
        p = p * x + 7.46321056442269912687
        p = p * x + 4.86371970985681366614e1
        p = p * x + 1.96520832956077098242e2
        p = p * x + 5.26445194995477358631e2
        p = p * x + 9.34528527171957607540e2
        p = p * x + 1.02755188689515710272e3
        p = p * x + 5.57535335369399327526e2
        var q = x + 1.32281951154744992508e1
        q = q * x + 8.67072140885989742329e1
        q = q * x + 3.54937778887819891062e2
        q = q * x + 9.75708501743205489753e2
        q = q * x + 1.82390916687909736289e3
        q = q * x + 2.24633760818710981792e3
        q = q * x + 1.65666309194161350182e3
        q = q * x + 5.57535340817727675546e2
        return (p, q)
    }

    private static func tail(_ x: Double) -> (Double, Double) {
        var p = 5.64189583547755073984e-1
        p = p * x + 1.27536670759978104416
        p = p * x + 5.01905042251180477414
        p = p * x + 6.16021097993053585195
        p = p * x + 7.40974269950448939160
        p = p * x + 2.97886665372100240670
        var q = x + 2.26052863220117276590
        q = q * x + 9.39603524938001434673
        q = q * x + 1.20489539808096656605e1
        q = q * x + 1.70814450747565897222e1
        q = q * x + 9.60896809063285878198
        q = q * x + 3.36907645100081516050
        return (p, q)
    }
}

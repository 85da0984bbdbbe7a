/// The leading 128 bits of powers of ten, rounded up, for printing numbers.
///
/// They are computed at first use (about three milliseconds) rather than written down, so that nobody has to trust a table
/// of 617 constants.
enum PowersOfTen {
    /// The exponents printing a `Double` needs.
    static let exponents = -292...324

    /// For each exponent k, the smallest integer of 128 bits, `2^127 <= g < 2^128`, with `g * 2^e >= 10^k` for the e
    /// that makes it so.
    static let significands: [UInt128] = {
        var table = [UInt128](repeating: 0, count: exponents.count)
        // Only the powers of 5 matter: the powers of 2 in 10^k are in the exponent.
        var power: [UInt64] = [1]
        for k in 0...exponents.upperBound {
            table[k - exponents.lowerBound] = leadingBits(power)
            if k > 0 && -k >= exponents.lowerBound { table[-k - exponents.lowerBound] = reciprocal(power) }
            multiplyByFive(&power)
        }
        return table
    }()

    private static func multiplyByFive(_ number: inout [UInt64]) {
        var carry: UInt64 = 0
        for i in number.indices {
            let product = number[i].multipliedFullWidth(by: 5)
            let (sum, overflow) = product.low.addingReportingOverflow(carry)
            number[i] = sum
            carry = product.high + (overflow ? 1 : 0)
        }
        if carry > 0 { number.append(carry) }
    }

    private static func bitCount(_ number: [UInt64]) -> Int {
        number.count * 64 - number[number.count - 1].leadingZeroBitCount
    }

    /// The first 128 bits, rounded up if any bit was lost.
    private static func leadingBits(_ number: [UInt64]) -> UInt128 {
        let bits = bitCount(number)
        var result: UInt128 = 0
        for i in 0..<128 {
            let position = bits - 1 - i
            let bit = position >= 0 ? number[position / 64] >> UInt64(position % 64) & 1 : 0
            result = result << 1 | UInt128(bit)
        }
        let isExact = bits <= 128 || (0..<bits - 128).allSatisfy { number[$0 / 64] >> UInt64($0 % 64) & 1 == 0 }
        return isExact ? result : result + 1
    }

    /// The first 128 bits of 1 / number, rounded up, for an odd number above 1; by long division in base 2.
    private static func reciprocal(_ number: [UInt64]) -> UInt128 {
        var remainder = [UInt64](repeating: 0, count: number.count + 1)
        let bits = bitCount(number)
        remainder[(bits - 1) / 64] = 1 << UInt64((bits - 1) % 64)
        let divisor = number + [0]
        var quotient: UInt128 = 0
        for _ in 0..<128 {
            double(&remainder)
            quotient <<= 1
            if !isLess(remainder, divisor) {
                subtract(divisor, from: &remainder)
                quotient |= 1
            }
        }
        return quotient + 1
    }

    private static func double(_ number: inout [UInt64]) {
        var carry: UInt64 = 0
        for i in number.indices {
            let next = number[i] >> 63
            number[i] = number[i] << 1 | carry
            carry = next
        }
    }

    private static func isLess(_ first: [UInt64], _ second: [UInt64]) -> Bool {
        for i in first.indices.reversed() where first[i] != second[i] { return first[i] < second[i] }
        return false
    }

    private static func subtract(_ second: [UInt64], from first: inout [UInt64]) {
        var borrow = false
        for i in first.indices {
            let (part, under) = first[i].subtractingReportingOverflow(second[i])
            let (rest, underToo) = part.subtractingReportingOverflow(borrow ? 1 : 0)
            first[i] = rest
            borrow = under || underToo
        }
    }
}

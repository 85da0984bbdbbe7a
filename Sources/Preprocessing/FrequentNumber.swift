/// The most frequent number in `2 * candidates` numbers of somebody's state: count and value of each candidate. Exact for
/// up to as many different values, then Space-Saving (Metwally, Agrawal and El Abbadi 2005): a new value takes the
/// place and the count of the rarest. Of equals the first is it.
struct FrequentNumber {
    let candidates: Int

    var lanes: Int { 2 * candidates }

    /// nil: no number was seen.
    @inline(__always)
    func value(_ counts: UnsafePointer<Double>) -> Double? {
        var best = 0
        for index in 1..<candidates where counts[2 * index] > counts[2 * best] { best = index }
        return counts[2 * best] > 0 ? counts[2 * best + 1] : nil
    }

    @inline(__always)
    func learn(_ number: Double, _ counts: UnsafeMutablePointer<Double>) {
        guard number.isFinite else { return }
        var least = 0
        for index in 0..<candidates {
            if counts[2 * index] > 0, counts[2 * index + 1] == number {
                counts[2 * index] += 1
                return
            }
            if counts[2 * index] < counts[2 * least] { least = index }
        }
        counts[2 * least] += 1
        counts[2 * least + 1] = number
    }
}

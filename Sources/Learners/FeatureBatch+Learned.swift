import Records

extension FeatureBatch {
    /// A row without weight teaches nothing.
    @inline(__always)
    func hasWeight(_ row: Int) -> Bool { weights[row] > 0 && weights[row].isFinite }

    /// The class of a row that is to be learned, one of the first `count`; nil: it has none, or no weight.
    @inline(__always)
    func learnedClass(_ row: Int, of count: Int) -> Int? {
        let target = Int(classes[row])
        return target >= 0 && target < count && hasWeight(row) ? target : nil
    }
}

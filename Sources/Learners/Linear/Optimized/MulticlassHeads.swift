import Glibc

/// The class index as a number; NaN = unknown or never announced.
@inline(__always) private func classTarget(_ rows: FeatureRows, _ row: Int, _ classes: Int) -> Double {
    let index = Int(rows.classes[row])
    return index >= 0 && index < classes ? Double(index) : .nan
}

/// The first largest output.
@inline(__always) private func largest(_ outputs: UnsafeMutablePointer<Double>, _ count: Int) -> Int {
    var best = 0
    for index in 0..<count where outputs[index] > outputs[best] { best = index }
    return best
}

/// Probabilities below this count as this in a loss, as in River.
private let leastProbability = 1e-15

/// Multinomial logistic regression: p = softmax(z) over the classes learned so far, loss -ln p[y],
/// d loss / dz = p - [class = y]. Before the first class all outputs are 0.
struct SoftmaxOutput: OutputHead {
    static var isMulticlass: Bool { true }
    static var needsNorm: Bool { false }
    static var needsOutputs: Bool { true }
    /// River ignores record weights here, and keeps p inside [1e-15, 1 - 1e-15].
    let isRiver: Bool

    static var singleClassCount: Int { 0 }

    @inline(__always) func target(_ rows: FeatureRows, _ row: Int, classes: Int) -> Double {
        classTarget(rows, row, classes)
    }

    func answer(_ scores: Scores, _ target: Double, into outputs: UnsafeMutablePointer<Double>) -> (Int, Double) {
        var top = -Double.infinity
        for index in 0..<scores.count where scores.isKnown(index) { top = max(top, scores.raw[index]) }
        var sum = 0.0
        for index in 0..<scores.count {
            outputs[index] = scores.isKnown(index) ? exp(scores.raw[index] - top) : 0
            sum += outputs[index]
        }
        if sum > 0 { for index in 0..<scores.count { outputs[index] /= sum } }
        let loss = target.isNaN ? 0 : -log(max(outputs[Int(target)], leastProbability))
        return (largest(outputs, scores.count), loss)
    }

    func gradients(
        _ scores: Scores, _ target: Double, _ record: RecordScale, into gradients: UnsafeMutablePointer<Double>
    ) {
        let weight = isRiver ? 1 : record.weight
        let truth = Int(target)
        for index in 0..<scores.count {
            guard index == truth || scores.isKnown(index) else {
                gradients[index] = 0
                continue
            }
            var probability = scores.outputs[index]
            if isRiver { probability = min(max(probability, leastProbability), 1 - leastProbability) }
            gradients[index] = weight * (probability - (index == truth ? 1 : 0))
        }
    }
}

/// One binary model a class, each learning "this class or not"; probabilities are theirs divided by their sum, all
/// equal when the sum is 0. A class's model starts with its first record.
struct OneAgainstAll<Loss: PointLoss>: OutputHead {
    static var isMulticlass: Bool { true }
    static var needsNorm: Bool { Loss.needsNorm }
    static var needsOutputs: Bool { false }
    let loss: Loss

    static var singleClassCount: Int { 0 }

    @inline(__always) func target(_ rows: FeatureRows, _ row: Int, classes: Int) -> Double {
        classTarget(rows, row, classes)
    }

    func answer(_ scores: Scores, _ target: Double, into outputs: UnsafeMutablePointer<Double>) -> (Int, Double) {
        var sum = 0.0
        var losses = 0.0
        var known = 0
        for index in 0..<scores.count {
            outputs[index] = 0
            guard scores.isKnown(index) else { continue }
            let answer = loss.evaluate(scores.raw[index], Double(index) == target ? 1 : -1)
            outputs[index] = answer.output
            sum += answer.output
            losses += answer.loss
            known += 1
        }
        for index in 0..<scores.count where scores.isKnown(index) {
            outputs[index] = sum > 0 ? outputs[index] / sum : 1 / Double(known)
        }
        return (largest(outputs, scores.count), losses)
    }

    func gradients(
        _ scores: Scores, _ target: Double, _ record: RecordScale, into gradients: UnsafeMutablePointer<Double>
    ) {
        for index in 0..<scores.count {
            let isTruth = Double(index) == target
            gradients[index] =
                isTruth || scores.isKnown(index)
                ? loss.gradient(
                    scores.raw[index], isTruth ? 1 : -1, weight: record.weight, norm: record.norm) : 0
        }
    }
}

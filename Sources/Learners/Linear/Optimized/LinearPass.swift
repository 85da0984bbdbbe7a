import Records

/// One batch going through a linear model: the head's answers and gradients around the rule's loops.
struct LinearPass<Head: OutputHead, Rule: UpdateRule> {
    let head: Head
    let kernel: RuleKernel<Rule>
    let outputs: UnsafeMutablePointer<Double>
    let outputStride: Int
    let outputWidth: Int
    let losses: UnsafeMutablePointer<Double>
    let labels: UnsafeMutablePointer<Int32>

    init(_ head: Head, _ kernel: RuleKernel<Rule>, _ predictions: PredictionBatch) {
        self.head = head
        self.kernel = kernel
        outputs = predictions.outputs
        outputStride = predictions.stride
        outputWidth = predictions.width
        losses = predictions.losses
        labels = predictions.classes
    }

    /// Rows between fetching weights and using them.
    private static var prefetchDistance: Int { 4 }

    private var rows: FeatureRows { kernel.rows }
    private var view: LinearView { kernel.view }

    func predict() {
        for row in 0..<rows.count { _ = predictRow(row) }
    }

    func predictThenLearn() {
        if view.isLarge { for row in 0..<min(Self.prefetchDistance, rows.count) { view.prefetch(rows, row) } }
        for row in 0..<rows.count {
            let ahead = row + Self.prefetchDistance
            if view.isLarge, ahead < rows.count { view.prefetch(rows, ahead) }
            guard differentiate(row, predictRow(row)) else { continue }
            kernel.beginStep(truth: truth(row))
            if Head.isMulticlass { kernel.stepMany(row) } else { kernel.stepOne(row) }
        }
    }

    func predictThenStep(_ touched: TouchedSlots) {
        for row in 0..<rows.count where differentiate(row, predictRow(row)) {
            kernel.accumulate(row, truth: truth(row), touched)
        }
        kernel.stepByMean(touched)
    }

    @inline(__always) private func truth(_ row: Int) -> Int { Head.isMulticlass ? Int(rows.classes[row]) : 0 }

    /// Answers one row. Returns whether its scores were finite, that is whether it can be learned.
    @inline(never) private func predictRow(_ row: Int) -> Bool {
        let target = head.target(rows, row, classes: view.modelCount)
        let isFinite = score(row, rows.values, ahead: false)
        if !isFinite { view.repairScores(rows, row) }
        let outputs = outputs + row &* outputStride
        let (label, loss) = head.answer(view.scores, target, into: outputs)
        if Head.isMulticlass {
            for index in view.modelCount..<max(outputWidth, view.modelCount) { outputs[index] = 0 }
            if Head.needsOutputs { view.outputs.update(from: outputs, count: view.modelCount) }
        }
        labels[row] = Int32(truncatingIfNeeded: label)
        losses[row] = target.isNaN ? 0 : loss.isFinite ? loss : .greatestFiniteMagnitude
        return isFinite
    }

    @inline(__always) private func score(_ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool) -> Bool {
        Head.isMulticlass
            ? kernel.scoreMany(row, values, ahead: ahead) : kernel.scoreOne(row, values, ahead: ahead)
    }

    /// Puts the row's gradients into the scratch; false: there is nothing to learn, or something not finite.
    @inline(never) private func differentiate(_ row: Int, _ isFinite: Bool) -> Bool {
        let target = head.target(rows, row, classes: view.modelCount)
        let weight = Double(rows.weights[row])
        guard isFinite, target.isFinite, weight > 0, weight.isFinite else { return false }
        if Rule.looksAhead || rows.hasLearningValues {
            guard score(row, rows.learningValues, ahead: Rule.looksAhead) else { return false }
            if Head.needsOutputs { _ = head.answer(view.scores, target, into: view.outputs) }
        }
        let norm = Head.needsNorm ? rows.squaredNorm(row) : 0
        head.gradients(view.scores, target, RecordScale(weight: weight, norm: norm), into: view.gradients)
        let clip = kernel.settings.clip
        for model in 0..<(Head.isMulticlass ? view.modelCount : 1) {
            let gradient = view.gradients[model]
            guard !gradient.isNaN else { return false }
            view.gradients[model] = gradient > clip ? clip : gradient < -clip ? -clip : gradient
        }
        return true
    }
}

/// The loops over features under one update rule.
///
/// Depends on the rule alone and is not inlined into the passes, so that it is compiled once a rule and not once for
/// every pair of head and rule, and its loops have the registers for themselves.
struct RuleKernel<Rule: UpdateRule> {
    let rule: Rule
    let interceptRule: Rule
    let settings: StepSettings
    let view: LinearView
    let rows: FeatureRows

    /// raw[0] = sum over features of weight · value + intercept. False when it is not finite.
    ///
    /// Two partial sums, so that additions need not all wait for each other; always in the same order.
    @inline(never) func scoreOne(_ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool) -> Bool {
        let view = view
        let indices = rows.indices
        let end = rows.offsets[row &+ 1]
        var position = rows.offsets[row]
        var even = view.intercepts[0]
        var odd = 0.0
        while position &+ 1 < end {
            let second = position &+ 1
            even += weight(view.block(indices[position]), ahead: ahead) * Double(values[position])
            odd += weight(view.block(indices[second]), ahead: ahead) * Double(values[second])
            position &+= 2
        }
        if position < end { even += weight(view.block(indices[position]), ahead: ahead) * Double(values[position]) }
        view.raw[0] = even + odd
        return isFinite(even + odd)
    }

    /// The same for every model.
    @inline(never) func scoreMany(_ row: Int, _ values: UnsafeMutablePointer<Float>, ahead: Bool) -> Bool {
        let view = view
        let raw = view.raw
        let count = view.modelCount
        for model in 0..<count { raw[model] = view.intercepts[model &* view.lanes] }
        for position in rows.range(row) {
            let value = Double(values[position])
            var slot = view.block(rows.indices[position])
            for model in 0..<count {
                raw[model] += weight(slot, ahead: ahead) * value
                slot += view.lanes
            }
        }
        var isFinite = true
        for model in 0..<count where !raw[model].isFinite { isFinite = false }
        return isFinite
    }

    @inline(__always) private func weight(_ slot: UnsafeMutablePointer<Double>, ahead: Bool) -> Double {
        Rule.looksAhead && ahead ? rule.aheadWeight(slot) : slot[0]
    }

    /// Steps the weights of a row under one model.
    @inline(never) func stepOne(_ row: Int) {
        let view = view
        let indices = rows.indices
        let values = rows.learningValues
        let gradient = view.gradients[0]
        let scale = view.scales[0]
        for position in rows.range(row) {
            let slot = view.block(indices[position])
            step(slot, 0, gradient * Double(values[position]), scale)
            // Slots are powers of two long, so one lies in one page.
            view.changedPages[(slot - view.weights) &>> LinearView.pageShift] = 1
        }
    }

    /// The same for every model.
    @inline(never) func stepMany(_ row: Int) {
        let view = view
        let indices = rows.indices
        let values = rows.learningValues
        for position in rows.range(row) {
            let value = Double(values[position])
            let block = view.block(indices[position])
            var slot = block
            for model in 0..<view.modelCount {
                step(slot, model, view.gradients[model] * value, view.scales[model])
                slot += view.lanes
            }
            view.mark(block)
        }
    }

    /// Moves one weight: penalties and the rule's step.
    @inline(__always) func step(
        _ slot: UnsafeMutablePointer<Double>, _ model: Int, _ gradient: Double, _ scale: StepScale
    ) {
        guard settings.isRegularized else {
            rule.update(slot, gradient, scale)
            return
        }
        rule.update(slot, gradient + settings.l2 * rule.aheadWeight(slot), scale)
        if settings.penalty > 0 { view.shrink(slot, view.clock(model)) }
    }

    /// Steps the intercept; River's is plain descent, ours one more weight under the same rule.
    @inline(__always) func stepIntercept(_ model: Int, _ gradient: Double) {
        guard settings.hasIntercept else { return }
        let slot = view.intercepts + model &* view.lanes
        guard settings.isRiver else {
            interceptRule.update(slot, gradient, interceptRule.scale(view.clock(model)))
            return
        }
        let intercept = slot[0] - settings.interceptRate * gradient
        if isFinite(intercept) { slot[0] = intercept }
    }

    /// Computes what the step's weights share, steps the intercepts and advances the clocks of all models that take
    /// part: that of the true class and all known ones.
    @inline(never) func beginStep(truth: Int) {
        for model in 0..<view.modelCount {
            let clock = view.clock(model)
            view.scales[model] = rule.scale(clock)
            stepIntercept(model, view.gradients[model])
            if model == truth || clock.hasStarted { advance(clock) }
        }
    }

    @inline(__always) func advance(_ clock: Clock) {
        clock.advance(settings.beta1, settings.beta2, penalty: settings.penalty)
    }
}

import Components

/// What shapes a Hoeffding tree; fields, defaults and meaning are in `HoeffdingTreeLearner.fields`.
struct TreeSettings {
    /// What a leaf predicts.
    enum Leaf: String, CaseIterable {
        case majority = "mc"
        case bayes = "nb"
        /// Whichever was right more often.
        case adaptive = "nba"
    }

    /// Where a record goes that lacks the attribute of a split.
    enum Missing: String, CaseIterable {
        /// To the heavier child.
        case heavier
        /// Nowhere: the split predicts what it knew when it was made, and nothing is learned (MOA).
        case stay
    }

    var criterion = SplitCriterion.informationGain
    var confidence = 1e-7
    var tieThreshold = 0.05
    var gracePeriod = 200.0
    var leaf = Leaf.adaptive
    var missing = Missing.heavier
    var splitPoints = 10
    var binaryOnly = false
    var removesPoorAttributes = false
    var allowsNone = true
    /// Bytes of nodes and statistics.
    var maximumBytes = 33_554_432
    /// Densities are multiplied as doubles (MOA).
    var underflows = false
    /// Attributes that a leaf looks at, drawn when it begins to learn; 0 = all.
    var subspace = 0
    /// All leaves of a tree look at the same ones, until it begins anew.
    var sharesSubspace = false

    init() {}

    init(_ parameters: Hyperparameters) {
        criterion = SplitCriterion(rawValue: parameters["criterion"]) ?? .informationGain
        confidence = parameters.double("confidence")
        tieThreshold = parameters.double("tie-threshold")
        gracePeriod = parameters.double("grace-period")
        leaf = Leaf(rawValue: parameters["leaf"]) ?? .adaptive
        missing = Missing(rawValue: parameters["missing"]) ?? .heavier
        splitPoints = parameters.integer("split-points")
        binaryOnly = parameters.boolean("binary-splits")
        let fields = parameters.descriptor.fields
        removesPoorAttributes =
            fields.contains { $0.name == "remove-poor-attributes" } && parameters.boolean("remove-poor-attributes")
        allowsNone = parameters.boolean("pre-prune")
        maximumBytes = parameters.integer("max-mib") << 20
        underflows = parameters.boolean("underflow")
    }

    static let moa = ["underflow": "true", "missing": "stay"]

    /// The fields that all trees share.
    static func fields(grace: String = "200", confidence: String = "1e-7") -> [HyperparameterField] {
        [
            HyperparameterField(
                "criterion", .choice(SplitCriterion.allCases.map(\.rawValue)), default: "info-gain",
                "what makes a split good"),
            HyperparameterField(
                "confidence", .number(1e-300...1), default: confidence,
                "delta of the Hoeffding bound: how often a split may be the wrong one"),
            HyperparameterField(
                "tie-threshold", .number(0...1), default: "0.05", "below this bound the best split is taken anyway"),
            HyperparameterField(
                "grace-period", .number(1...1e9), default: grace, "weight a leaf gets between two looks at its splits"),
            HyperparameterField(
                "leaf", .choice(Leaf.allCases.map(\.rawValue)), default: "nba",
                "what leaves predict: mc = the majority class, nb = naive Bayes, nba = whichever was right more often"),
            HyperparameterField(
                "split-points", .integer(1...1000), default: "10", "places at which a number is tried"),
            HyperparameterField("binary-splits", .boolean, default: "false", "no branch for each value of a category"),
            HyperparameterField(
                "remove-poor-attributes", .boolean, default: "false",
                "leaves of the majority class forget attributes that are surely not the best"),
            HyperparameterField("pre-prune", .boolean, default: "true", "not to split is a candidate, too"),
            HyperparameterField(
                "missing", .choice(Missing.allCases.map(\.rawValue)), default: "heavier",
                "records without the attribute of a split: heavier = go on in its heavier child, stay = are not learned "
                    + "(MOA)"),
            HyperparameterField(
                "max-mib", .integer(0...1 << 20), default: "32",
                "MiB of a tree: beyond it the least promising leaves keep only their class weights"),
            HyperparameterField(
                "underflow", .boolean, default: "false",
                "densities are multiplied as doubles, as MOA does, instead of adding logarithms"),
        ]
    }
}

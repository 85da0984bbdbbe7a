import Components

/// Hyperparameters of the multilayer perceptron.
struct PerceptronSettings {
    static let fields = [
        HyperparameterField("hidden", .names, default: "64+32", "units of each hidden layer, the first one first"),
        HyperparameterField("activation", .choice(["relu", "tanh"]), default: "relu", "of the hidden units"),
        HyperparameterField(
            "learning-rate", .number(0...1e3), default: "0",
            "Adam's step; 0 = 0.003 for a record, 0.008 for a mini-batch (--batch-mode mean)"),
        HyperparameterField("beta1", .number(0...0.999_999), default: "0.9", "Adam's decay of gradients"),
        HyperparameterField("beta2", .number(0...0.999_999), default: "0.999", "Adam's decay of squared gradients"),
        HyperparameterField("epsilon", .number(1e-12...1), default: "1e-8", "guard in Adam's denominator"),
        HyperparameterField("l2", .number(0...1e3), default: "0", "L2 regularization"),
        HyperparameterField(
            "dropout", .number(0...0.95), default: "0", "share of hidden units left out while a record is learned"),
        HyperparameterField("embedding", .integer(1...256), default: "8", "numbers learned for a category's value"),
        HyperparameterField(
            "embedding-room", .integer(2...65_536), default: "4096",
            "values of a field that have an embedding of their own; later ones share them"),
        HyperparameterField(
            "frozen-layers", .integer(0...8), default: "0",
            "first hidden layers that stay as they are (with the embeddings)"),
        HyperparameterField(
            "freeze-after", .integer(0...1_000_000_000_000), default: "0",
            "records that frozen layers learn before they are frozen"),
    ]

    let hidden: [Int]
    let isRectified: Bool
    let learningRate: Double
    let beta1: Double
    let beta2: Double
    let epsilon: Double
    let l2: Double
    let dropout: Double
    let embedding: Int
    let embeddingRoom: Int
    let frozenLayers: Int
    let freezeAfter: Int64

    /// Of a record and of a mini-batch: the mean gradient of many records is less noisy, and there are fewer steps.
    private static let learningRates = (record: 0.003, batch: 0.008)

    /// - Parameter isMean: a step is that of a mini-batch.
    /// - Throws: when sizes are no numbers, or more layers are frozen than there are.
    init(_ fields: Hyperparameters, isMean: Bool) throws(SettingError) {
        var hidden: [Int] = []
        for text in fields["hidden"].split(separator: "+", omittingEmptySubsequences: false) {
            guard let units = Int(text), (1...4096).contains(units) else {
                throw SettingError("perceptron: hidden=\(fields["hidden"]) is not valid; it takes sizes such as 64+32")
            }
            hidden.append(units)
        }
        guard hidden.count <= 8 else { throw SettingError("perceptron: at most 8 hidden layers") }
        self.hidden = hidden
        isRectified = fields["activation"] == "relu"
        let given = fields.double("learning-rate")
        learningRate = given > 0 ? given : isMean ? Self.learningRates.batch : Self.learningRates.record
        beta1 = fields.double("beta1")
        beta2 = fields.double("beta2")
        epsilon = fields.double("epsilon")
        l2 = fields.double("l2")
        dropout = fields.double("dropout")
        embedding = fields.integer("embedding")
        embeddingRoom = fields.integer("embedding-room")
        frozenLayers = fields.integer("frozen-layers")
        freezeAfter = Int64(fields.integer("freeze-after"))
        guard frozenLayers <= hidden.count else {
            throw SettingError(
                "perceptron: frozen-layers=\(frozenLayers), but there are \(hidden.count) hidden layers")
        }
    }
}

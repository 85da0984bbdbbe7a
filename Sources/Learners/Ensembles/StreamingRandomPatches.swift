import Components
import State

/// Streaming random patches (Gomes, Read and Bifet, Streaming Random Patches for Evolving Data Stream Classification, ICDM
/// 2019): a forest whose trees each look at random attributes of their own, on Poisson(6) weights. A tree that begins
/// anew draws others.
public enum StreamingRandomPatches {
    public static let learner = LearnerDescriptor(
        Descriptor(
            "streaming-random-patches",
            "Hoeffding trees, each on random attributes of its own, replaced where they drift (SRP); on all cores",
            fields: ForestMember.Settings.fields(subspace: "a tree", warning: "0.0001", drift: "0.00001") + [
                HyperparameterField(
                    "training", .choice(["patches", "subspaces", "resampling"]), default: "patches",
                    "patches = random attributes and weights, subspaces = attributes alone, resampling = weights alone")
            ] + TreeSettings.fields(grace: "50", confidence: "0.01")),
        tasks: [.binary, .multiclass], input: .attributes(isScaled: false), presets: ["moa": TreeSettings.moa]
    ) { parameters, context throws(SettingError) in
        var settings = ForestMember.Settings(parameters)
        settings.drawsForBackground = true
        let count = context.attributes.count
        if parameters["training"] == "subspaces" { settings.weight = nil }
        if parameters["training"] != "resampling" {
            settings.tree.sharesSubspace = true
            settings.tree.subspace = min(count, max(2, Int((Double(count) * parameters.double("subspace")).rounded())))
        }
        let size = settings.tree.subspace
        return Forest(
            settings, seeds: seeds(parameters.integer("models"), size, of: count, context.seed),
            isParallel: parameters.integer("threads") != 1, context)
    }

    /// How many seeds are tried for a set of attributes that the fewest members have.
    private static let tries = 64

    /// Seeds of members whose first sets of attributes are as different as they can be. Where there are fewer sets than
    /// members the first ones, in order, come once more (MOA).
    private static func seeds(_ members: Int, _ size: Int, of count: Int, _ seed: UInt64) -> [UInt64] {
        let generator = RandomGenerator(seed: seed)
        var uses: [[Int]: Int] = [:]
        return (0..<members).map { _ in
            var best: (seed: UInt64, subset: [Int], uses: Int)?
            for _ in 0..<tries {
                let seed = generator.next()
                var sequence = JavaSequence(seed: seed)
                let subset = sequence.nextSubset(size, of: count).sorted()
                let used = uses[subset] ?? 0
                let isBetter = best.map {
                    used == $0.uses ? subset.lexicographicallyPrecedes($0.subset) : used < $0.uses
                }
                if isBetter ?? true { best = (seed, subset, used) }
                if used == 0 { break }
            }
            guard let best else { return 0 }
            uses[best.subset] = best.uses + 1
            return best.seed
        }
    }
}

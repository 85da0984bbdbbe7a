import Components

/// All generators. Adding one is one file and one line here.
public enum GeneratorRegistry {
    /// The generators, in the order they are listed to users.
    public static let all: [GeneratorDescriptor] = [
        Agrawal.descriptor,
        Clicks.descriptor,
        Hyperplane.descriptor,
        LED.descriptor,
        Payments.descriptor,
        RandomRBF.descriptor,
        RandomTree.descriptor,
        SEA.descriptor,
        Sine.descriptor,
        STAGGER.descriptor,
        Waveform.descriptor,
    ]

    /// The generator of a name; an unknown name gives an error that tells the nearest known one.
    public static func find(_ name: String) throws(GeneratorError) -> GeneratorDescriptor {
        if let found = all.first(where: { $0.name == name }) { return found }
        throw .unknownGenerator(name: name, nearest: nearestName(name, all.map(\.name)) ?? "")
    }
}

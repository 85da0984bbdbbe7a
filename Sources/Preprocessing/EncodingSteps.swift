import Components

/// Steps of a pipeline that say how columns become features, rather than transform numbers.
public enum EncodingSteps {
    public static let hash = HashingOptions.descriptor
    public static let oneHot = OneHotTable.descriptor
    public static let identifiers = IdentifierTable.descriptor
    public static let indicateMissing = Descriptor(
        "indicate-missing", "one more feature for each number column where it is missing, filled in or not")

    public static let all = [hash, oneHot, identifiers, indicateMissing]

    public static func find(_ name: String) -> Descriptor? { all.first { $0.name == name } }
}

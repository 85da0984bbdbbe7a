/// All transformers, one line each: configuration, help, reference pages and conformance tests derive from it.
public enum TransformerRegistry {
    public static let all: [TransformerDescriptor] = [
        Standardize.descriptor,
        AdaptiveStandardize.descriptor,
        MinMax.descriptor,
        MaxAbs.descriptor,
        Impute.descriptor,
        Clip.descriptor,
    ]
}

/// The value within what is finite; missing stays missing.
@inline(__always) func bounded(_ value: Double) -> Double {
    let limit = Double.greatestFiniteMagnitude
    return value > limit ? limit : value < -limit ? -limit : value
}

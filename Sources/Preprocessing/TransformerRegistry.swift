/// All steps on number columns, one line each: configuration, help, reference pages and conformance tests derive from it.
public enum TransformerRegistry {
    public static let all: [TransformerDescriptor] = [
        Standardize.descriptor,
        AdaptiveStandardize.descriptor,
        MinMax.descriptor,
        MaxAbs.descriptor,
        RobustScale.descriptor,
        LogScale.descriptor,
        Power.descriptor,
        QuantileBins.descriptor,
        Normalize.descriptor,
        Whiten.descriptor,
        Impute.descriptor,
        Clip.descriptor,
        Drop.descriptor,
    ]
}

/// All steps over whole records, one line each.
public enum RecordTransformerRegistry {
    public static let all: [RecordTransformerDescriptor] = [
        Coerce.descriptor,
        TimeFields.descriptor,
        TextFeatures.descriptor,
        ExpressionField.descriptor,
        Polynomial.descriptor,
        RandomProjection.descriptor,
        PrincipalComponents.descriptor,
        FlagOutliers.descriptor,
        GroupImpute.descriptor,
        ImputeCategory.descriptor,
        Lag.descriptor,
        Rolling.descriptor,
        Decayed.descriptor,
        TargetEncode.descriptor,
        FrequencyEncode.descriptor,
        OrdinalEncode.descriptor,
    ]
}

/// All filters of records, one line each.
public enum RecordFilterRegistry {
    public static let all: [RecordFilterDescriptor] = [
        Deduplicate.descriptor,
        Late.descriptor,
    ]
}

/// All selectors of features, one line each.
public enum FeatureSelectorRegistry {
    public static let all: [FeatureSelectorDescriptor] = [
        VarianceThreshold.descriptor,
        TopFeatures.descriptor,
        Admit.descriptor,
    ]
}

/// The value within what is finite; missing stays missing.
@inline(__always) func bounded(_ value: Double) -> Double {
    let limit = Double.greatestFiniteMagnitude
    return value > limit ? limit : value < -limit ? -limit : value
}

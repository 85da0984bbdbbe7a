/// The preprocessing steps there are. Adding one is one file and one line here.
public enum TransformerRegistry {
    public static let all: [TransformerDescriptor] = [
        Standardize.descriptor
    ]
}

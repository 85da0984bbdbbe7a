import Components

/// The text formats records can be written in.
public enum RecordFormat: String, CaseIterable, Sendable {
    case csv, jsonl, vw, libsvm, arff

    /// The format of a name; an unknown name gives an error that tells the nearest known one.
    public static func find(_ name: String) throws(GeneratorError) -> RecordFormat {
        if let found = RecordFormat(rawValue: name) { return found }
        let nearest = nearestName(name, allCases.map(\.rawValue)) ?? ""
        throw .unknownFormat(name: name, nearest: nearest)
    }

    /// A writer of this format.
    ///
    /// - Parameter relation: what the records are, for formats that name it (ARFF).
    public func makeWriter(relation: String = "thalweg") -> any RecordWriter {
        switch self {
        case .csv: CSVWriter()
        case .jsonl: JSONLinesWriter()
        case .vw: VWWriter()
        case .libsvm: LIBSVMWriter()
        case .arff: ARFFWriter(relation: relation)
        }
    }
}

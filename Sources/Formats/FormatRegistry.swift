import Records

/// How a format is told apart, sampled and decoded.
public struct FormatDescriptor: Sendable {
    public let name: String
    public let summary: String
    public let suffixes: [String]
    /// Records bring their own features.
    public let isFeatureNative: Bool
    /// Records are no lines: nothing may be added behind them, and a record too long has no line end to skip to.
    public var isBinary = false
    let sampler: @Sendable (DecoderOptions) -> any RecordSampler
    public let makeDecoder: @Sendable (Schema, DecoderOptions) -> any RecordDecoder

    public func makeSampler(_ options: DecoderOptions = DecoderOptions()) -> any RecordSampler { sampler(options) }
}

/// What decoders need to know besides the schema.
public struct DecoderOptions: Sendable {
    /// log2 of the hashed slots (feature-native formats).
    public var bits = 18
    /// Crosses by namespace need to know where namespaces begin.
    public var keepsNamespaceSpans = false
    /// Vowpal Wabbit's constant feature closes every row.
    public var addsConstant = false
    /// Categories and words are hashed as Vowpal Wabbit hashes them.
    public var usesVWHashes = false
    public var csv = CSVDialect()
    /// Chunks hold messages: binary ones each behind its length (`MessageFrame`), others each a line.
    public var areMessages = false
    /// A longer record or block of a binary format is rejected.
    public var maximumRecordBytes = 16 << 20
    /// Where the schemas of messages come from.
    public var schemas: (any MessageSchemas)?

    public init() {}
}

/// The formats there are.
public enum FormatRegistry {
    public static let all: [FormatDescriptor] = [
        FormatDescriptor(
            name: "jsonl", summary: "JSON Lines: one object a line", suffixes: [".jsonl", ".ndjson", ".json"],
            isFeatureNative: false, sampler: { _ in JSONLinesSampler() },
            makeDecoder: { schema, options in JSONLinesDecoder(schema: schema, usesVWHashes: options.usesVWHashes) }),
        FormatDescriptor(
            name: "csv", summary: "comma-separated values (RFC 4180) and dialects: --csv-separator, --csv-header ...",
            suffixes: [".csv"],
            isFeatureNative: false, sampler: { CSVSampler(dialect: $0.csv) },
            makeDecoder: { schema, options in
                CSVDecoder(schema: schema, dialect: options.csv, usesVWHashes: options.usesVWHashes)
            }),
        FormatDescriptor(
            name: "arff", summary: "ARFF: attribute declarations and records of Weka and MOA", suffixes: [".arff"],
            isFeatureNative: false, sampler: { _ in ARFFSampler() },
            makeDecoder: { schema, options in ARFFDecoder(schema: schema, usesVWHashes: options.usesVWHashes) }),
        FormatDescriptor(
            name: "avro", summary: "Avro object container files, and messages framed for a schema registry",
            suffixes: [".avro"], isFeatureNative: false, isBinary: true,
            sampler: { options -> any RecordSampler in
                if options.areMessages { AvroMessageSampler(options) } else { AvroFileSampler(options) }
            },
            makeDecoder: { schema, options -> any RecordDecoder in
                if options.areMessages {
                    AvroMessageDecoder(schema, options)
                } else {
                    AvroFileDecoder(schema, options)
                }
            }),
        FormatDescriptor(
            name: "vw", summary: "Vowpal Wabbit's text: label |namespace feature:value ...", suffixes: [".vw"],
            isFeatureNative: true, sampler: { _ in VWTextSampler() },
            makeDecoder: { schema, options in
                VWTextDecoder(
                    schema: schema,
                    options: VWTextOptions(
                        bits: options.bits, keepsNamespaceSpans: options.keepsNamespaceSpans,
                        addsConstant: options.addsConstant))
            }),
        FormatDescriptor(
            name: "libsvm", summary: "LIBSVM: label index:value ...", suffixes: [".libsvm", ".svm", ".svmlight"],
            isFeatureNative: true, sampler: { _ in LIBSVMSampler() },
            makeDecoder: { schema, options in
                LIBSVMDecoder(
                    schema: schema, options: LIBSVMOptions(bits: options.bits, addsConstant: options.addsConstant))
            }),
        FormatDescriptor(
            name: "dsjson", summary: "logged decisions with their costs and probabilities, as Vowpal Wabbit's --dsjson",
            suffixes: [".dsjson"], isFeatureNative: true, sampler: { _ in DecisionSampler() },
            makeDecoder: { schema, options in DecisionDecoder(schema: schema, bits: options.bits) }),
    ]

    public static func find(_ name: String) -> FormatDescriptor? { all.first { $0.name == name } }

    /// The format of a stream by its name's suffix (compression's suffix aside), then by its first bytes.
    public static func detect(name: String, head: UnsafeBufferPointer<UInt8>) throws(FormatError) -> FormatDescriptor {
        var plain = name.lowercased()
        for suffix in [".gz", ".zst", ".zstd"] where plain.hasSuffix(suffix) { plain.removeLast(suffix.count) }
        if let found = all.first(where: { $0.suffixes.contains { plain.hasSuffix($0) } }) { return found }
        if head.starts(with: AvroHeader.magic), let avro = find("avro") { return avro }
        let mark = head.baseAddress.map { byteOrderMarkCount($0, head.count) } ?? 0
        let line = head[mark...].prefix { $0 != UInt8(ascii: "\n") }
        let first = line.first { $0 > 0x20 }
        let guess: String
        if first == UInt8(ascii: "{") {
            guess = "jsonl"
        } else if first == UInt8(ascii: "@") || first == UInt8(ascii: "%") {
            guess = "arff"
        } else if line.contains(UInt8(ascii: "|")) {
            guess = "vw"
        } else if looksLikeLIBSVM(line) {
            guess = "libsvm"
        } else if line.contains(UInt8(ascii: ",")) || isUTF8(UnsafeBufferPointer(rebasing: line)) && !line.contains(0) {
            guess = "csv"
        } else {
            throw FormatError("the format cannot be told from the first bytes; say --format")
        }
        guard let found = find(guess) else { throw FormatError("there is no format '\(guess)' yet; say --format") }
        return found
    }

    /// A number, then at least one `digits:value`.
    private static func looksLikeLIBSVM(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let words = line.split(separator: 0x20)
        guard words.count >= 2 else { return false }
        return words[1].contains(UInt8(ascii: ":")) && words[1].first.map { (0x30...0x39).contains($0) } == true
    }
}

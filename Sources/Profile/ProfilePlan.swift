import Formats
import Records

/// What is to be profiled and how, fixed before the first record from the schema and its sample. Profiles of one plan
/// merge.
public struct ProfilePlan: Sendable {
    public struct PlannedField: Sendable {
        public let name: String
        /// As a run would take it.
        public let role: FieldRole
        /// A column of numbers, else one of texts.
        public let isNumber: Bool
        /// Which one.
        public let column: Int
        /// Upper edges of the bins that mutual information is counted in.
        let edges: [Double]
    }

    public let schema: Schema
    /// What the decoder is given: numeric, raw and ignored fields only.
    public let decoding: Schema
    public let fields: [PlannedField]
    /// Of `fields`.
    public let target: Int?
    public let time: Int?
    public let timeUnit: TimeUnit
    public var task: Task { schema.task }
    /// Bins that the target is counted in: the classes and one for all others, or quantiles of a number.
    let targetBins: Int

    static let numberBins = 32
    static let maximumClasses = 32
    private static let regressionBins = 24

    public init(schema: Schema, sample: Sample) {
        self.schema = schema
        let time = schema.isFeatureNative ? nil : Self.timeField(schema, sample)
        timeUnit = time?.unit ?? .seconds
        let target = schema.fields.first { $0.role == .target }?.name
        var decoding = schema
        var fields: [PlannedField] = []
        var numbers = 0
        var texts = 0
        func add(_ name: String, _ role: FieldRole, isNumber: Bool, edges: [Double] = []) {
            fields.append(
                PlannedField(
                    name: name, role: role, isNumber: isNumber, column: isNumber ? numbers : texts, edges: edges))
            if isNumber { numbers += 1 } else { texts += 1 }
        }
        if schema.isFeatureNative {
            add("label", .target, isNumber: schema.task == .regression)
            add("features", .ignored, isNumber: true, edges: [])
            add("feature_values", .ignored, isNumber: true)
        } else {
            for (index, field) in schema.fields.enumerated() {
                let isNumber = Self.isNumber(field, schema.task, sample)
                decoding.fields[index].role = field.role == .ignored ? .ignored : isNumber ? .numeric : .raw
                guard field.role != .ignored else { continue }
                let bins = field.role == .target ? Self.regressionBins : Self.numberBins
                add(
                    field.name, field.name == time?.name ? .time : field.role, isNumber: isNumber,
                    edges: isNumber ? Self.edges(Self.numbers(sample, field.name), bins: bins) : [])
            }
        }
        self.decoding = decoding
        self.fields = fields
        self.target = fields.firstIndex { $0.name == (schema.isFeatureNative ? "label" : target) }
        self.time = fields.firstIndex { $0.name == time?.name }
        switch self.target {
        case nil: targetBins = 1
        case let target? where fields[target].isNumber: targetBins = fields[target].edges.count + 1
        default: targetBins = min(schema.classes.count, Self.maximumClasses) + 1
        }
    }

    /// Whether a field's values are to be read as numbers: else as text, which takes anything.
    private static func isNumber(_ field: Field, _ task: Task, _ sample: Sample) -> Bool {
        switch field.role {
        case .numeric, .both, .weight: true
        case .target: task == .regression
        case .time: !numbers(sample, field.name).isEmpty && strings(sample, field.name).isEmpty
        case .categorical, .text, .raw, .ignored, .id: false
        }
    }

    private static func numbers(_ sample: Sample, _ name: String) -> [Double] {
        (sample.values[name] ?? []).compactMap { value in
            switch value {
            case .number(let number): number
            case .boolean(let flag): flag ? 1 : 0
            default: nil
            }
        }
    }

    private static func strings(_ sample: Sample, _ name: String) -> [String] {
        (sample.values[name] ?? []).compactMap { value in
            if case .string(let text) = value { text } else { nil }
        }
    }

    /// Edges between bins of about equally many of the sampled values, and a few beyond them: what is sampled first is
    /// not all there is (records in the order of time).
    static func edges(_ values: [Double], bins: Int) -> [Double] {
        let sorted = values.sorted()
        guard let low = sorted.first, let high = sorted.last else { return [] }
        let room = bins - 1 - 2 * outerEdges
        var inner: [Double] = []
        for bin in 1...room {
            let edge = sorted[min(bin * sorted.count / (room + 1), sorted.count - 1)]
            if edge > inner.last ?? -.infinity, edge < high { inner.append(edge) }
        }
        let step = inner.count < room / 2 ? (high - low) / Double(inner.count + 1) : (high - low) / 4
        let width = step > 0 ? step : max(abs(high), 1)
        // The bin of a value is the number of edges below it.
        let below = [-4, -2, -1, -0.5].map { low + $0 * width }
        let above = [0, 1, 2, 4].map { high + $0 * width }
        return (below + inner + above).filter(\.isFinite)
    }

    private static let outerEdges = 4

    /// The field that says when: the one that was named, else the first whose sampled values are all dates, or numbers
    /// of a size that dates have under a name that says so.
    private static func timeField(_ schema: Schema, _ sample: Sample) -> (name: String, unit: TimeUnit)? {
        for field in schema.fields where field.role == .time {
            let numbers = numbers(sample, field.name)
            guard let largest = numbers.map({ abs($0) }).max(), strings(sample, field.name).isEmpty else {
                return (field.name, .iso8601)
            }
            return (field.name, TimeUnit(ofSize: largest))
        }
        for field in schema.fields where field.role != .ignored && field.role != .target {
            let strings = strings(sample, field.name)
            let numbers = numbers(sample, field.name)
            if !strings.isEmpty, numbers.isEmpty, strings.allSatisfy({ TimeText.seconds($0) != nil }) {
                return (field.name, .iso8601)
            }
            let name = field.name.lowercased()
            let saysSo =
                ["time", "date", "timestamp"].contains { name.contains($0) }
                || name.split(separator: "_").contains("ts")
            if saysSo, strings.isEmpty, !numbers.isEmpty, numbers.allSatisfy({ $0 > 1e8 && $0 < 1e20 }) {
                return (field.name, TimeUnit(ofSize: numbers.max() ?? 0))
            }
        }
        return nil
    }
}

import CBytes
import Records

/// The columns of a batch as the record kernels of CBytes see them, and room for the fields they leave to Swift.
struct FieldTable: ~Copyable {
    let sinks: [FieldSink]
    let columns: UnsafeMutablePointer<field_column>
    let count: Int
    var record: field_record

    /// - Parameter sinks: where the field at each place of a record goes; what they point to must outlive the table.
    init(_ sinks: [FieldSink], _ batch: RecordBatch) {
        self.sinks = sinks
        count = sinks.count
        columns = .allocate(capacity: count)
        for (index, sink) in sinks.enumerated() { (columns + index).initialize(to: Self.column(sink, batch)) }
        record = field_record(
            rest: .allocate(capacity: count), rest_count: 0, field_count: 0,
            ends: .allocate(capacity: count + 64))
    }

    deinit {
        columns.deallocate()
        record.rest.deallocate()
        record.ends.deallocate()
    }

    private static func column(_ sink: FieldSink, _ batch: RecordBatch) -> field_column {
        var column = field_column()
        column.kind = UInt32(kind(sink.kind))
        switch sink.kind {
        case .numeric: column.cells = .init(batch.numbers + Int(sink.numberColumn) * batch.columnStride)
        case .categorical, .vwChained, .vwJoined:
            column.cells = .init(batch.categories + Int(sink.categoryColumn) * batch.columnStride)
            column.seed = UInt32(truncatingIfNeeded: sink.salt)
            let name = sink.details.nameBytes
            field_set_name(&column, name.baseAddress, name.count)
        default: break
        }
        return column
    }

    private static func kind(_ kind: FieldSink.Kind) -> Int {
        switch kind {
        case .ignored: FIELD_IGNORED
        case .numeric: FIELD_NUMBER
        case .categorical: FIELD_CATEGORY
        case .vwChained: FIELD_VW_CHAINED
        case .vwJoined: FIELD_VW_JOINED
        case .both, .text, .target, .id, .weight, .time, .raw, .localized, .named: FIELD_OTHER
        }
    }
}

import Records

/// A sink of messages: takes predictions one by one, each with a key and the model's version.
public protocol PredictionSink: Sink {
    /// - Parameters:
    ///   - prediction: one JSON object, without line end.
    ///   - key: the record's id, or its source position.
    ///   - version: of the model that predicted.
    func send(prediction: UnsafeRawBufferPointer, key: UnsafeRawBufferPointer, version: Int) throws(ConnectorError)
}

/// A sink of messages: takes rejected records one by one, each with its reason and origin.
public protocol QuarantineSink: Sink {
    /// - Parameter part: where the record came from: a file, `topic/partition`.
    func send(_ rejected: RejectedRecord, part: String) throws(ConnectorError)
}

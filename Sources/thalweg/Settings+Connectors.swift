import Connectors
import Engine
import Files
import Kafka
import StandardStreams

/// The concrete connectors that settings name.
extension Settings {
    /// - Parameter batchWait: seconds an incomplete mini-batch waits.
    func source(batchWait: Double) throws -> any Source {
        let inputs = inputs
        if let kafka = try kafkaOptions(batchWait: batchWait) {
            do throws(ConnectorError) { return try KafkaSource(kafka, warn: warnOnStderr) } catch {
                throw UsageError(error.description)
            }
        }
        if isGiven("until"), try flag("follow") { throw UsageError("--until end and --follow exclude each other") }
        if inputs == ["-"] { return StandardInput() }
        guard !inputs.contains("-") else { throw UsageError("--input - cannot be combined with files") }
        var paths: [String] = []
        for input in inputs {
            if let scheme = input.firstRange(of: "://") {
                throw UsageError(
                    "--input \(input): there is no '\(input[..<scheme.lowerBound])' connector; there are files, - and "
                        + "kafka://")
            }
            for path in try FileSource.expand(input) where !paths.contains(path) { paths.append(path) }
        }
        return FileSource(paths: paths, follows: try flag("follow"))
    }

    /// Where predictions or rejected records go: `-`, a file, a topic.
    func sink(_ place: String) throws -> any Sink {
        if place == "-" { return StandardOutput() }
        guard KafkaURL.matches(place) else { return try FileSink(path: place) }
        var options: KafkaSinkOptions
        do throws(ConnectorError) {
            options = try KafkaSinkOptions(parsing: place)
            options.properties = try KafkaProperties(parsing: texts("property"))
        } catch { throw UsageError(error.description) }
        options.allowsUnverifiedTLS = try flag("insecure-tls")
        return try KafkaSink(options, warn: warnOnStderr)
    }

    /// Nil: the input is no topic.
    private func kafkaOptions(batchWait: Double) throws -> KafkaSourceOptions? {
        let inputs = inputs
        let urls = inputs.filter(KafkaURL.matches)
        guard !urls.isEmpty || isGiven("kafka-brokers") else { return nil }
        guard inputs.count == 1 || !isGiven("input"), urls.isEmpty || !isGiven("kafka-brokers") else {
            throw UsageError(
                "topics are consumed alone: one --input kafka://BROKERS/TOPIC[,TOPIC], or the section input.kafka")
        }
        var options: KafkaSourceOptions
        do throws(ConnectorError) {
            if let url = urls.first {
                options = try KafkaSourceOptions(parsing: url)
            } else {
                options = KafkaSourceOptions(
                    brokers: names("kafka-brokers").joined(separator: ","), topics: names("kafka-topics"))
            }
            for name in KafkaSourceOptions.settings where name != "until" && isGiven("kafka-\(name)") {
                try options.set(name, texts("kafka-\(name)").joined(separator: ","))
            }
            if let until = text("until") { try options.set("until", until) }
            options.properties = try KafkaProperties(parsing: texts("property"))
            options.framesPayloads = text("format") == "avro"
            try options.check()
        } catch { throw UsageError(error.description) }
        guard !options.framesPayloads || isGiven("schema-registry") else {
            throw UsageError("Avro messages name their schema by number: say where it is, --schema-registry URL")
        }
        options.allowsUnverifiedTLS = try flag("insecure-tls")
        options.batchWait = batchWait

        return options
    }
}

let warnOnStderr: @Sendable (String) -> Void = { complain("thalweg: \($0)") }

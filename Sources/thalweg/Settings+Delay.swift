import Connectors
import Engine
import Files
import Kafka
import Records
import StandardStreams

/// Targets that come later than their records.
extension Settings {
    /// Nil: targets come with their records.
    ///
    /// - Parameter learnsOverHTTP: targets may come by requests.
    func delayOptions(learnsOverHTTP: Bool) throws -> DelayOptions? {
        var options = DelayOptions()
        let joins = isGiven("targets") || learnsOverHTTP
        if isGiven("delay") {
            guard !joins else { throw UsageError("--delay withholds targets that are there: it excludes --targets") }
            let span = try span("delay")
            if span.isNone { return nil }
            options.withheld = span
            // Who asks for so long a delay asks for its room; what left early would be no evaluation.
            options.maximumBytes = 4 << 30
        }
        for name in ["target-timeout", "target-default"] where isGiven(name) && !joins {
            throw UsageError("--\(name) is for targets that come later: it needs --targets, or run --http")
        }
        guard joins || options.withheld != nil else { return nil }
        if isGiven("target-timeout") { options.timeout = try span("target-timeout") }
        options.defaultTarget = text("target-default")
        guard options.defaultTarget == nil || options.timeout != nil else {
            throw UsageError("--target-default is learned when a record's time is over: it needs --target-timeout")
        }
        options.maximumPending = try pendingRecords(options.withheld)
        return options
    }

    /// With targets withheld by number, room for all of them.
    private func pendingRecords(_ withheld: DelayOptions.Span?) throws -> Int {
        let given = try integer("max-pending", in: 1...100_000_000)
        guard let withheld else { return given }
        switch withheld {
        case .records(let count):
            guard isGiven("max-pending") else { return max(given, count + 1) }
            guard given > count else {
                throw UsageError("--max-pending \(given) has no room for --delay \(count)")
            }
            return given
        case .seconds: return isGiven("max-pending") ? given : 10_000_000
        }
    }

    /// `1000` (records), or a time: `500ms`, `10s`, `5m`, `2h`, `7d`.
    func span(_ name: String) throws -> DelayOptions.Span {
        let text = text(name) ?? ""
        if let count = Int(text), count >= 0 { return .records(count) }
        if text.hasSuffix("d"), let days = Double(text.dropLast()), days >= 0, days < 1e9 {
            return .seconds(days * 86_400)
        }
        guard Double(text) == nil, let seconds = try? seconds(name) else {
            throw UsageError("--\(name) is '\(text)'; it takes a number of records, or a time such as 30s, 2h or 7d")
        }
        return .seconds(seconds)
    }

    /// Where targets come from; nil: nowhere but over HTTP.
    func targetSource(batchWait: Double) throws -> (source: any Source, isFile: Bool)? {
        guard let place = text("targets") else { return nil }
        if inputs == [place] { throw UsageError("--targets is also --input: one of them must be another") }
        if KafkaURL.matches(place) {
            var options: KafkaSourceOptions
            do throws(ConnectorError) {
                options = try KafkaSourceOptions(parsing: place)
                options.properties = try KafkaProperties(parsing: texts("property"))
                if let until = text("until") { try options.set("until", until) }
                try options.check()
            } catch { throw UsageError(error.description) }
            options.allowsUnverifiedTLS = try flag("insecure-tls")
            options.batchWait = batchWait
            do throws(ConnectorError) { return (try KafkaSource(options, warn: warnOnStderr), false) } catch {
                throw UsageError(error.description)
            }
        }
        if place == "-" { return (StandardInput(), false) }
        if let scheme = place.firstRange(of: "://") {
            throw UsageError(
                "--targets \(place): there is no '\(place[..<scheme.lowerBound])' connector; there are files, - and "
                    + "kafka://")
        }
        let follows = try flag("follow")
        return (FileSource(paths: try FileSource.expand(place), follows: follows), !follows)
    }

    /// The input is files that end.
    func inputEnds() throws -> Bool {
        try !flag("follow") && !inputs.contains("-") && !inputs.contains(where: KafkaURL.matches)
            && !isGiven("kafka-brokers") && !hasNoInput
    }
}

extension DelayOptions.Span {
    /// No delay at all.
    fileprivate var isNone: Bool {
        switch self {
        case .records(let count): count == 0
        case .seconds(let seconds): seconds == 0
        }
    }
}

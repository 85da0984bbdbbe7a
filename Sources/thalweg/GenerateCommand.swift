import ArgumentParser
import Components
import Connectors
import Engine
import Generators
import Glibc

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Write a synthetic stream (target field: class).",
        discussion: "thalweg list generators names them; options stand behind the name: sea:function=2,noise=10")

    @Argument(help: "NAME or NAME:option=value,...") var name: String
    @Option(name: [.long, .customShort("n")], help: "How many; 0 = until the reader goes away.") var records = 100_000
    @Option(help: "Seed of the records (each generator's own default).") var seed: UInt64?
    @Option(help: "csv|jsonl|vw|libsvm|arff") var format = "jsonl"
    @Option(name: [.long, .customShort("o")], help: "-, a file, or kafka://BROKERS/TOPIC (one record a message).")
    var output = "-"
    @Option(name: [.customLong("property"), .customShort("X")], help: "NAME=VALUE for librdkafka; repeatable.")
    var property: [String] = []
    @Option(help: "Records per second at most; 0 = as fast as it goes.") var rate = 0.0

    func run() throws {
        guard records >= 0, rate >= 0 else { throw UsageError("--records and --rate take numbers of at least 0") }
        var generator: any RecordGenerator
        var writer: any RecordWriter
        do {
            let specification = try ComponentSpecification(parsing: name)
            var options: [String: Double] = [:]
            for (option, text) in specification.fields {
                guard let value = text == "true" ? 1 : text == "false" ? 0 : Double(text) else {
                    throw UsageError("\(specification.name): \(option)=\(text) is not a number")
                }
                options[option] = value
            }
            generator = try GeneratorRegistry.find(specification.name).make(seed, options)
            writer = try RecordFormat.find(format).makeWriter(relation: specification.name)
        } catch let error as GeneratorError { throw UsageError(error.description) } catch let error as SettingError {
            throw UsageError(error.description)
        }
        let isTopic = output.hasPrefix("kafka://")
        guard !isTopic || (format != "csv" && format != "arff") else {
            throw UsageError("--format \(format) begins with a header, which messages do not have; take jsonl")
        }
        let sink = try Settings(commandLine: ["property": property], file: nil).sink(output)
        do throws(ConnectorError) { try sink.resume(at: 0) } catch { throw EngineError(error.description) }
        installSignalHandlers()
        try produce(&generator, &writer, sink)
        do throws(ConnectorError) {
            if output != "-" { try sink.flush() }
            try sink.close()
        } catch { throw EngineError(error.description) }
        if stopRequest.signal > 0 { throw ExitCode(128 + stopRequest.signal) }
    }

    private func produce(
        _ generator: inout any RecordGenerator, _ writer: inout any RecordWriter, _ sink: any Sink
    ) throws {
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: generator.fields.count)
        defer { values.deallocate() }
        var bytes: [UInt8] = []
        writer.header(generator.fields, into: &bytes)
        var written = 0
        var start = timespec()
        clock_gettime(CLOCK_MONOTONIC, &start)
        while (records == 0 || written < records) && stopRequest.signal == 0 {
            generator.next(into: values)
            writer.write(UnsafeBufferPointer(values), into: &bytes)
            written += 1
            let isPaced = rate > 0
            if bytes.count >= 1 << 16 || isPaced && written % max(1, Int(rate / 50)) == 0 {
                guard try flush(&bytes, sink) else { return }
                if isPaced { wait(until: Double(written) / rate, since: start) }
            }
        }
        _ = try flush(&bytes, sink)
    }

    /// False: nobody reads any more.
    private func flush(_ bytes: inout [UInt8], _ sink: any Sink) throws -> Bool {
        let result: Result<Void, ConnectorError> = bytes.withUnsafeBytes { bytes in
            do throws(ConnectorError) { return .success(try sink.write(bytes)) } catch {
                return .failure(error)
            }
        }
        bytes.removeAll(keepingCapacity: true)
        switch result {
        case .success: return true
        case .failure(let error) where error.disposition == .closed: return false
        case .failure(let error): throw EngineError(error.description)
        }
    }

    private func wait(until seconds: Double, since start: timespec) {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let elapsed = Double(now.tv_sec - start.tv_sec) + Double(now.tv_nsec - start.tv_nsec) / 1e9
        if elapsed < seconds { usleep(UInt32((seconds - elapsed) * 1e6)) }
    }
}

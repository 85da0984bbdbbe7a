// What `thalweg evaluate` does, as a program: swift run -c release example-evaluate FILE TARGET
import Engine
import Files

let arguments = CommandLine.arguments
guard arguments.count == 3 else { fatalError("usage: example-evaluate FILE TARGET") }
var configuration = Configuration()
configuration.schema.target = arguments[2]
let report = try Run(configuration, source: FileSource(paths: [arguments[1]])).execute()
print(report.summary)

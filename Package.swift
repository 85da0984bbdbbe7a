// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// THALWEG_OPTIMIZED=1 (scripts/test) compiles the libraries that tests run with the optimizer, which makes the tests
/// several times as fast; their own checks (`assert`, overflow) stay. Not in the manifest as others see it, because a
/// package with flags of its own cannot be depended on.
let tested: [SwiftSetting] =
    Context.environment["THALWEG_OPTIMIZED"] == "1"
    ? strict + [.unsafeFlags(["-O", "-assert-config", "Debug"], .when(configuration: .debug))] : strict

/// Links Swift's own libraries into the executable: it starts in a millisecond and needs 6 MB less memory.
let staticRuntime = [
    "-static-stdlib", "-Xclang-linker", "-no-pie", "-lCoreFoundation", "-l_FoundationICU", "-l_FoundationCShims",
    "-l_FoundationCollections",
]

/// A library target under Sources/.
func library(_ name: String, _ dependencies: [Target.Dependency] = [], path: String? = nil) -> Target {
    .target(name: name, dependencies: dependencies, path: path ?? "Sources/\(name)", swiftSettings: tested)
}

/// The test target of one library; `hasFixtures` = its data lies in Tests/.../Fixtures.
func tests(_ name: String, _ dependencies: [Target.Dependency], hasFixtures: Bool = true) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: dependencies, path: "Tests/\(name)Tests",
        resources: hasFixtures ? [.copy("Fixtures")] : nil, swiftSettings: strict)
}

/// The files of the live page, compiled into the binary.
let dashboard = [
    "page.html", "page.css", "page.js", "panels.js", "charts.js", "history.js", "form.js", "format.js", "access.js",
    "stream.js",
]

let libraries = [
    "JSON", "Components", "State", "Statistics", "Records", "Formats", "Connectors", "Compression", "Files",
    "StandardStreams", "Kafka", "SchemaRegistry", "Preprocessing",
    "Drift", "Learners", "Evaluation", "Snapshots", "Profile", "Engine", "Generators", "Serving",
]

let package = Package(
    name: "thalweg",
    products: [
        .executable(name: "thalweg", targets: ["thalweg"]),
        .library(name: "Thalweg", targets: libraries),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.0.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.14.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.34.1"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.2"),
    ],
    targets: [
        .target(name: "CBytes"),
        .target(name: "CSimdjson", linkerSettings: [.linkedLibrary("simdjson")]),
        .systemLibrary(name: "CZstd", providers: [.apt(["libzstd-dev"])]),
        .systemLibrary(name: "CRdkafka", providers: [.apt(["librdkafka-dev"])]),
        .systemLibrary(name: "CSnappy", providers: [.apt(["libsnappy-dev"])]),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),

        library("Components"),
        library("JSON", ["CSimdjson"]),
        library("State", ["CBytes"]),
        library("Statistics", ["State"]),
        library("Records"),
        library("Formats", ["Records", "JSON", "CBytes", "Components", "Compression"]),
        library("Connectors", ["Records"]),
        library("Preprocessing", ["Records", "State", "Statistics", "Components", "CBytes"]),
        library("Drift", ["State", "Statistics", "Components"]),
        library("Learners", ["Records", "State", "Statistics", "Components", "CBytes", "Drift"]),
        library("Evaluation", ["Records", "State"]),
        library("Snapshots", ["State", "JSON", "CBytes"]),
        library("Profile", ["Records", "State", "Statistics", "Formats", "JSON", "CBytes"]),
        library("Generators", ["Components"]),
        library(
            "Engine",
            [
                "CBytes", "Records", "Components", "State", "Statistics", "JSON", "Formats", "Connectors",
                "Preprocessing", "Drift", "Learners",
                "Evaluation", "Snapshots",
            ]),
        .target(
            name: "Serving",
            dependencies: [
                "Engine", "JSON", "Records", "Components", "Connectors", "Evaluation",
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTLS", package: "hummingbird"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], path: "Sources/Serving",
            resources: dashboard.map { .embedInCode("Dashboard/\($0)") }, swiftSettings: strict),
        library("Compression", ["CZstd", "CZlib", "CSnappy"]),
        library("Files", ["Connectors", "Records", "State", "Compression"], path: "connectors/Files"),
        library(
            "StandardStreams", ["Connectors", "Records", "State", "Compression"], path: "connectors/StandardStreams"),
        library("Kafka", ["Components", "Connectors", "Records", "CRdkafka"], path: "connectors/Kafka"),
        library(
            "SchemaRegistry",
            [
                "Formats", "JSON",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ], path: "connectors/SchemaRegistry"),
        .executableTarget(
            name: "thalweg",
            dependencies: [
                "Engine", "Kafka", "SchemaRegistry", "Generators", "Files", "StandardStreams", "Components",
                "Connectors", "Formats", "Preprocessing", "Drift",
                "Learners", "Records", "Snapshots", "JSON", "Serving", "CBytes", "Profile",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ], path: "Sources/thalweg", swiftSettings: strict,
            linkerSettings: [.unsafeFlags(staticRuntime, .when(configuration: .release))]),
        .executableTarget(
            name: "example-evaluate", dependencies: ["Engine", "Files"], path: "examples/evaluate",
            swiftSettings: strict),

        tests("Formats", ["Formats", "Records", "CBytes"]),
        tests("Generators", ["Generators"]),
        tests("JSON", ["JSON"], hasFixtures: false),
        tests("Statistics", ["Statistics", "State"]),
        tests("Profile", ["Profile", "Statistics", "Formats", "Records", "State", "JSON"], hasFixtures: false),
        tests("Preprocessing", ["Preprocessing", "Components", "Records", "State"]),
        tests("Drift", ["Drift", "Components", "State"], hasFixtures: false),
        tests("Learners", ["Learners", "Formats", "Preprocessing", "Components", "Records", "State"]),
        tests("Kafka", ["Kafka", "Connectors", "Records", "CRdkafka"], hasFixtures: false),
        tests("State", ["State"], hasFixtures: false),
        tests("Snapshots", ["Snapshots", "State", "JSON"], hasFixtures: false),
        tests("Evaluation", ["Evaluation", "Records", "State"], hasFixtures: false),
        tests(
            "Engine",
            [
                "Engine", "Connectors", "Formats", "Generators", "Learners", "Records", "Components", "Snapshots",
                "State", "JSON",
            ],
            hasFixtures: false),
        tests("Serving", ["Serving", "Engine", "JSON", "Connectors"], hasFixtures: false),
        tests(
            "CommandLine", ["thalweg", "Generators", "Snapshots", "Kafka", "Connectors", "SchemaRegistry", "Formats"],
            hasFixtures: false),
    ],
    cxxLanguageStandard: .cxx17
)

import Connectors
import Glibc
import Testing

@testable import Kafka

@Suite(.ownThreads) struct PropertyTests {
    private func source(_ properties: [String], insecure: Bool = false) -> String {
        complaint {
            var options = KafkaSourceOptions(brokers: "127.0.0.1:1", topics: ["t"])
            options.properties = try KafkaProperties(parsing: properties)
            options.allowsUnverifiedTLS = insecure
            _ = try KafkaSource(options)
        }
    }

    @Test func unknownOnesNameTheNearest() {
        #expect(source(["sasl.pasword=x"]).contains("no property 'sasl.pasword'; did you mean 'sasl.password'?"))
        #expect(source(["fetch.wait.ms=5"]).contains("did you mean 'fetch.wait.max.ms'?"))
        #expect(source(["sasl.username=me", "fetch.wait.max.ms=7"]) == "")
    }

    @Test func valuesAreChecked() {
        #expect(source(["fetch.wait.max.ms=soon"]).contains("'fetch.wait.max.ms' cannot be set"))
        #expect(source(["novalue"]).contains("takes name=value"))
        #expect(source(["a.b@vault=x"]).contains("there are: @file, @env"))
    }

    @Test(arguments: [
        "enable.auto.commit", "enable.auto.offset.store", "enable.partition.eof", "auto.offset.reset",
        "test.mock.num.brokers", "transactional.id", "group.id", "bootstrap.servers",
    ])
    func theConnectorsOwnAreRefused(_ name: String) { #expect(source(["\(name)=1"]).contains("connector's own")) }

    @Test func unverifiedTLSNeedsAFlag() {
        for property in [
            "enable.ssl.certificate.verification=false", "enable.ssl.certificate.verification=F",
            "ssl.endpoint.identification.algorithm=none",
        ] {
            #expect(source([property]).contains("--insecure-tls"))
            #expect(source([property], insecure: true) == "")
        }
        #expect(source(["enable.ssl.certificate.verification=true"]) == "")
    }

    @Test func secretsComeFromFilesAndTheEnvironmentAndAreNotPrinted() throws {
        var path = Array("/tmp/kafka-secret-XXXXXX".utf8CString)
        let file = mkstemp(&path)
        #expect(write(file, "canary-one\n", 11) == 11)
        close(file)
        let name = path.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        defer { unlink(name) }
        setenv("KAFKA_TEST_SECRET", "canary-two", 1)
        let properties = try KafkaProperties(parsing: [
            "sasl.password@file=\(name)", "ssl.key.password@env=KAFKA_TEST_SECRET", "sasl.username=me",
        ])
        #expect(properties["sasl.password"] == "canary-one")
        #expect(properties["ssl.key.password"] == "canary-two")
        #expect(properties.redacted == "sasl.password=*** ssl.key.password=*** sasl.username=me")
        var dumped = "\(properties) \(String(reflecting: properties))"
        dump(properties, to: &dumped)
        #expect(!dumped.contains("canary"))
        #expect(Redactor(properties)("login canary-one failed: canary-two") == "login *** failed: ***")
        #expect(complaint { _ = try KafkaProperties(parsing: ["x@file=/no/such"]) }.contains("cannot be opened"))
        #expect(complaint { _ = try KafkaProperties(parsing: ["x@env=NO_SUCH_ONE"]) }.contains("not set"))
    }

    @Test(arguments: [
        "sasl.password", "ssl.key.pem", "sasl.oauthbearer.config", "ssl.keystore.password", "Some.Token",
        "sasl.oauthbearer.client.secret",
    ])
    func secretNames(_ name: String) { #expect(KafkaProperties.isSecret(name)) }

    @Test func aBadSecretIsNotRepeated() {
        let said = source(["security.protocol=sasl_ssl", "ssl.key.pem=canary-three"])
        #expect(!said.contains("canary"), "\(said)")
    }

    @Test func wrongCredentialsAreNamedButNotShown() throws {
        let cluster = try cluster()
        var options = try options(cluster)
        options.properties = try KafkaProperties(parsing: [
            "security.protocol=sasl_plaintext", "sasl.mechanisms=PLAIN", "sasl.username=me",
            "sasl.password=canary-four",
        ])
        options.connectSeconds = 1
        let warnings = Warnings()
        let said = complaint { _ = try open(options, FakeLedger(), warnings) }
        #expect(said.contains(cluster.bootstrapServers), "\(said)")
        #expect(!said.contains("canary") && !warnings.text.contains("canary"))
    }
}

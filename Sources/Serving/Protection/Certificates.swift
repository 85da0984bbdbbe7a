import Glibc
import NIOCore
import NIOSSL
import Synchronization

/// A certificate and its key in files, read again when they change: a renewal needs no restart.
final class Certificates: Sendable {
    private struct Stamp: Equatable {
        var seconds = 0
        var nanoseconds = 0
        var size = 0
        var inode: UInt = 0
    }
    private struct Contents: Sendable {
        var stamps: [Stamp] = []
        var chain: [NIOSSLCertificateSource] = []
        var key: NIOSSLPrivateKeySource?
        var lastLook: UInt64 = 0
    }
    private let certificatePath: String
    private let keyPath: String
    private let warn: @Sendable (String) -> Void
    private let contents: Mutex<Contents>

    init(certificate: String, key: String, warn: @escaping @Sendable (String) -> Void) throws(ServiceError) {
        certificatePath = certificate
        keyPath = key
        self.warn = warn
        contents = Mutex(try Self.read(certificate, key))
    }

    private static func read(_ certificate: String, _ key: String) throws(ServiceError) -> Contents {
        do {
            var contents = Contents()
            contents.stamps = [stamp(certificate), stamp(key)]
            contents.chain = try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) }
            contents.key = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            guard !contents.chain.isEmpty else { throw ServiceError("it holds no certificate") }
            return contents
        } catch { throw ServiceError("cannot use '\(certificate)' with its key '\(key)': \(error)") }
    }

    private static func stamp(_ path: String) -> Stamp {
        var status = stat()
        guard stat(path, &status) == 0 else { return Stamp() }
        return Stamp(
            seconds: status.st_mtim.tv_sec, nanoseconds: status.st_mtim.tv_nsec, size: Int(status.st_size),
            inode: UInt(status.st_ino))
    }

    func configuration() throws(ServiceError) -> TLSConfiguration {
        let (chain, key) = contents.withLock { ($0.chain, $0.key) }
        guard let key else { throw ServiceError("'\(keyPath)' holds no key") }
        var configuration = TLSConfiguration.makeServerConfiguration(certificateChain: chain, privateKey: key)
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.sslContextCallback = { [self] _, promise in
            let (chain, key) = current()
            var override = NIOSSLContextConfigurationOverride()
            override.certificateChain = chain
            override.privateKey = key
            promise.succeed(override)
        }
        return configuration
    }

    /// What the files hold now; what they held before while they cannot be used.
    private func current() -> ([NIOSSLCertificateSource], NIOSSLPrivateKeySource?) {
        contents.withLock { contents in
            // Once a second is soon enough.
            guard seconds(since: contents.lastLook) > 1 else { return (contents.chain, contents.key) }
            contents.lastLook = monotonicNanoseconds()
            let stamps = [Self.stamp(certificatePath), Self.stamp(keyPath)]
            if stamps != contents.stamps {
                do throws(ServiceError) {
                    let look = contents.lastLook
                    contents = try Self.read(certificatePath, keyPath)
                    contents.lastLook = look
                } catch {
                    contents.stamps = stamps
                    warn("\(error.description): the one before stays in use")
                }
            }
            return (contents.chain, contents.key)
        }
    }
}

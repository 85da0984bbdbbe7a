import Foundation
import Glibc

/// How a process ended and what it wrote.
struct Outcome {
    /// The exit code; 128 + number when a signal ended it.
    let status: Int32
    let stdout: String
    let stderr: String
    /// The most memory it was seen to hold, in KiB. What the kernel counts for a process that has ended includes the
    /// memory of the one that started it.
    let peakKiB: Int
    let wasTimeout: Bool

    var lines: [String] { stdout.split(separator: "\n").map(String.init) }

    /// The report of `--json`: the last line of stdout.
    func report() throws -> Report {
        guard let last = lines.last else {
            throw JSONObject.Failure(description: "no output; exit \(status), stderr: \(stderr.suffix(600))")
        }
        return Report(json: try JSONObject.parse(last))
    }
}

/// The JSON report of a run.
struct Report {
    let json: [String: Any]

    var digest: String { json["digest"] as? String ?? "" }
    var records: Int { json["records"] as? Int ?? -1 }
    var learned: Int { json["learned"] as? Int ?? -1 }
    var rejected: Int { json["rejected"] as? Int ?? -1 }
    var metrics: [String: Double] { json["metrics"] as? [String: Double] ?? [:] }
}

/// Where a process reads from.
enum Input {
    case nothing
    case file(String)
    /// What `send` gives it.
    case pipe
}

/// Where a process writes data to.
enum Output {
    case kept
    case file(String)
    case closed
    /// A pipe whose reader is gone before the first byte.
    case brokenPipe
}

/// A process under test. Its output goes to files, so that nobody has to read along.
final class Command {
    /// What scripts/test built for release, else what is built beside the test bundle.
    static let thalweg =
        ProcessInfo.processInfo.environment["THALWEG_BINARY"]
        ?? URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appendingPathComponent("thalweg").path

    private static let starting = NSLock()
    private let pid: pid_t
    private let directory = Workspace()
    private var inputEnd: Int32 = -1
    private var ended: Outcome?
    private var peakKiB = 0

    /// Nothing of the tester's environment gets in: a THALWEG_ variable would change what is tested.
    init(
        _ executable: String, _ arguments: [String], in workspace: Workspace, input: Input = .nothing,
        output: Output = .kept, environment: [String: String] = [:]
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // Pipe ends are open for a moment before they are marked as not to be inherited.
        Self.starting.lock()
        defer { Self.starting.unlock() }
        let ends = [Self.connect(input, &actions, &inputEnd), Self.connect(output, directory.file("out"), &actions)]
        posix_spawn_file_actions_addopen(&actions, 2, directory.file("err"), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        // A test runner may hold signals back; what it starts would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var variables = ["PATH": "/usr/bin:/bin", "SWIFT_BACKTRACE": "enable=no", "LC_ALL": "C.UTF-8"]
        variables.merge(environment) { $1 }
        var pid = pid_t()
        // env goes to the directory and becomes the program, with the same process id.
        let status = Self.withStrings(["env", "-C", workspace.path, executable] + arguments) { argv in
            Self.withStrings(variables.map { "\($0.key)=\($0.value)" }) { envp in
                posix_spawn(&pid, "/usr/bin/env", &actions, &attributes, argv, envp)
            }
        }
        for end in ends where end >= 0 { close(end) }
        guard status == 0 else {
            throw JSONObject.Failure(description: "cannot start \(executable): \(String(cString: strerror(status)))")
        }
        self.pid = pid
    }

    deinit {
        closeInput()
        if ended == nil {
            kill(pid, SIGKILL)
            waitpid(pid, nil, 0)
        }
    }

    private static func connect(
        _ input: Input, _ actions: inout posix_spawn_file_actions_t, _ writeEnd: inout Int32
    ) -> Int32 {
        switch input {
        case .nothing: posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        case .file(let path): posix_spawn_file_actions_addopen(&actions, 0, path, O_RDONLY, 0)
        case .pipe:
            let ends = pipe()
            posix_spawn_file_actions_adddup2(&actions, ends.read, 0)
            writeEnd = ends.write
            return ends.read
        }
        return -1
    }

    private static func connect(
        _ output: Output, _ kept: String, _ actions: inout posix_spawn_file_actions_t
    ) -> Int32 {
        let path: String
        switch output {
        case .kept: path = kept
        case .file(let given): path = given
        case .closed:
            posix_spawn_file_actions_addclose(&actions, 1)
            return -1
        case .brokenPipe:
            let ends = pipe()
            posix_spawn_file_actions_adddup2(&actions, ends.write, 1)
            close(ends.read)
            return ends.write
        }
        posix_spawn_file_actions_addopen(&actions, 1, path, O_WRONLY | O_CREAT, 0o644)
        return -1
    }

    /// Other processes must not inherit these ends, or nobody would ever see them closed.
    private static func pipe() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        Glibc.pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func withStrings<R>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
    ) -> R {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("never empty") }
            return body(base)
        }
    }

    private static func memory(of pid: pid_t) -> Int {
        let status = FileManager.default.contents(atPath: "/proc/\(pid)/status") ?? Data()
        let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
    }

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        var done = 0
        while done < bytes.count {
            let count = bytes[done...].withUnsafeBytes { write(inputEnd, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            done += count
        }
    }

    func closeInput() {
        if inputEnd >= 0 { close(inputEnd) }
        inputEnd = -1
    }

    func signal(_ number: Int32) { kill(pid, number) }

    /// Whether it was seen to end.
    var hasEnded: Bool {
        kill(pid, 0) != 0
            || (FileManager.default.contents(atPath: "/proc/\(pid)/stat").map {
                String(decoding: $0, as: UTF8.self).contains(") Z ")
            } ?? true)
    }

    var stdoutSoFar: String { directory.text("out") }
    var stderrSoFar: String { directory.text("err") }

    /// Waits until `condition` holds; false when it does not within `seconds` or the process ends before.
    func waits(upTo seconds: Double = 30, for condition: (Command) -> Bool) -> Bool {
        let end = Date().addingTimeInterval(seconds)
        while Date() < end {
            if condition(self) { return true }
            usleep(5000)
        }
        return condition(self)
    }

    /// Waits for the end; after `seconds` it is killed.
    @discardableResult
    func wait(upTo seconds: Double = 60) -> Outcome {
        if let ended { return ended }
        let end = Date().addingTimeInterval(seconds)
        var status: Int32 = 0
        var wasTimeout = false
        while waitpid(pid, &status, wasTimeout ? 0 : WNOHANG) == 0 {
            peakKiB = max(peakKiB, Self.memory(of: pid))
            if Date() > end {
                wasTimeout = true
                kill(pid, SIGKILL)
            }
            usleep(1000)
        }
        closeInput()
        let number = status & 0x7f
        let outcome = Outcome(
            status: number == 0 ? (status >> 8) & 0xff : 128 + number, stdout: stdoutSoFar, stderr: stderrSoFar,
            peakKiB: peakKiB, wasTimeout: wasTimeout)
        ended = outcome
        return outcome
    }
}

extension Workspace {
    /// Runs thalweg to its end.
    func thalweg(
        _ arguments: [String], input: Input = .nothing, output: Output = .kept, environment: [String: String] = [:]
    ) throws -> Outcome {
        try Command(Command.thalweg, arguments, in: self, input: input, output: output, environment: environment).wait()
    }

    func thalweg(_ line: String, input: Input = .nothing, output: Output = .kept) throws -> Outcome {
        try thalweg(line.split(separator: " ").map(String.init), input: input, output: output)
    }

    /// Runs a shell line in which $T is thalweg.
    func shell(_ line: String) throws -> Outcome {
        try Command("/bin/sh", ["-c", line], in: self, environment: ["T": Command.thalweg]).wait()
    }
}

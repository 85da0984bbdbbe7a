import Connectors
import Glibc

/// State shared by threads that wait for each other: a mutex and a condition on the monotonic clock.
///
/// `Synchronization.Mutex` cannot be waited on, which is why this exists; where nobody waits, that is used.
final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // A clock that is set must not end or prolong a wait.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Changes the state and wakes whoever waits.
    func update<R, E: Error>(_ body: (inout State) throws(E) -> R) throws(E) -> R {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Looks at the state.
    func read<R>(_ body: (State) -> R) -> R {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(state)
    }

    /// Waits until the body answers, at most `seconds`; nil when it did not. Wakes whoever waits.
    func wait<R>(seconds: Double, until body: (inout State) -> R?) -> R? {
        let deadline = monotonicSeconds() + max(0, min(seconds, 1e6))
        var limit = timespec()
        limit.tv_sec = Int(deadline)
        limit.tv_nsec = Int((deadline - Double(limit.tv_sec)) * 1e9)
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let answer = body(&state) {
                pthread_cond_broadcast(condition)
                return answer
            }
            if pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT {
                guard let answer = body(&state) else { return nil }
                pthread_cond_broadcast(condition)
                return answer
            }
        }
    }
}

/// Seconds on the clock that is never set.
func monotonicSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9
}

private final class ThreadBody {
    let run: () -> Void

    init(_ run: @escaping () -> Void) { self.run = run }
}

/// Runs a body on a thread of its own, which may block: the cooperative pool's must not.
func startThread(_ body: @escaping @Sendable () -> Void) throws(ConnectorError) {
    var thread = pthread_t()
    let box = Unmanaged.passRetained(ThreadBody(body))
    let status = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        }, box.toOpaque())
    guard status == 0 else {
        box.release()
        throw ConnectorError("cannot start a thread: \(String(cString: strerror(status)))")
    }
    pthread_detach(thread)
}

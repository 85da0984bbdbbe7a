import Dispatch
import Glibc

/// On the clock that is never set.
func monotonicNanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

/// Seconds since a moment of that clock.
func seconds(since start: UInt64) -> Double {
    let now = monotonicNanoseconds()
    return now > start ? Double(now - start) / 1e9 : 0
}

/// Seconds since 1970.
func wallSeconds() -> Double {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

/// Lets other requests have their turn. (Where records are at hand, `Task` is what is learned.)
func pause() async { await _Concurrency.Task<Never, Never>.yield() }

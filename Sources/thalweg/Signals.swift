import Engine
import Glibc

/// Asked to stop by SIGINT or SIGTERM.
let stopRequest = StopRequest()

/// Installs handlers: the first signal drains and takes a last snapshot, the second ends at once.
func installSignalHandlers() {
    // The handler may not be the one to initialise the global.
    _ = stopRequest.signal
    for number in [SIGINT, SIGTERM] {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { number in
            if stopRequest.signal > 0 { _exit(128 + number) }
            stopRequest.request(number)
        }
        sigaction(number, &action, nil)
    }
}

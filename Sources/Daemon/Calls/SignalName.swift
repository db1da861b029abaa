internal import Glibc

/// The usual names of the signals that end functions.
func signalName(_ signal: Int32) -> String {
    switch signal {
    case SIGKILL: "SIGKILL"
    case SIGSEGV: "SIGSEGV"
    case SIGABRT: "SIGABRT"
    case SIGTERM: "SIGTERM"
    case SIGBUS: "SIGBUS"
    case SIGILL: "SIGILL"
    case SIGFPE: "SIGFPE"
    case SIGPIPE: "SIGPIPE"
    case SIGSYS: "SIGSYS"
    case SIGXFSZ: "SIGXFSZ"
    default: "a signal"
    }
}

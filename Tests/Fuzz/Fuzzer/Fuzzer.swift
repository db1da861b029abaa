import Glibc
import WireProperties

/// Which surface: the environment's FNRPC_FUZZ_SURFACE. libFuzzer owns the arguments.
private let surface: Surface = {
    let name = getenv("FNRPC_FUZZ_SURFACE").map { String(cString: $0) } ?? ""
    guard let surface = Surface(rawValue: name) else {
        fatalError("FNRPC_FUZZ_SURFACE: \(name); one of \(Surface.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return surface
}()

/// libFuzzer calls this with each input; a property that does not hold ends the process, and libFuzzer keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    do throws(PropertyFailure) {
        try surface.check(UnsafeRawBufferPointer(start: data, count: size))
    } catch {
        fatalError("\(surface.rawValue): \(error)")
    }
    return 0
}

import Foundation
import Synchronization
import Testing

@testable import fnrpc

/// A ttrpc server of a few lines, written against the protocol and not with our own frames: what the command talks to
/// in tests that need no daemon.
final class TtrpcServer: Sendable {
    /// The Request of a stream.
    struct Request: Sendable {
        let service: String
        let method: String
        let payload: [UInt8]
        let metadata: [String: String]

        var name: String { "\(service)/\(method)" }
    }

    /// What came on a stream.
    enum Event {
        case request
        case data([UInt8])
        case finished
    }

    /// What a handler answers with, frame by frame.
    enum Answer {
        case response([UInt8], metadata: [String: String] = [:])
        case status(Int32, String, details: [(type: String, value: [UInt8])] = [])
        case data([UInt8])
        case finished
        /// The connection ends.
        case hangUp
    }

    typealias Handler = @Sendable (Request, Event) -> [Answer]

    let path: String
    private let listener: Int32
    private let handler: Handler
    private let seen = Mutex<[Request]>([])

    /// Every request so far, Hello aside.
    var requests: [Request] { seen.withLock { $0 } }
    var address: String { "unix:\(path)" }

    init(_ scratch: Scratch, _ handler: @escaping Handler) throws {
        path = scratch.path + "/s"
        self.handler = handler
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        try #require(listener >= 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 16) == 0)
        let thread = Thread { [weak self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { break }
                self?.serve(connection)
                close(connection)
            }
            // Here and not in stop(): the number may be another server's by the time this thread accepts again.
            close(listener)
        }
        thread.start()
    }

    /// Ends the server's thread.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
    }

    private func serve(_ connection: Int32) {
        var streams: [UInt32: Request] = [:]
        while let header = Self.read(connection, 10) {
            let length = header[..<4].reduce(0) { $0 << 8 | Int($1) }
            let id = header[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            guard let data = Self.read(connection, length) else { return }
            if header[8] == 1 {
                let request = Self.request(data)
                guard request.service != "fnrpc.v1.Transport" else {
                    send([.status(12, "service fnrpc.v1.Transport")], id, connection)
                    continue
                }
                seen.withLock { $0.append(request) }
                streams[id] = request
                send(handler(request, .request), id, connection)
            } else if header[8] == 3, let request = streams[id] {
                if header[9] & 4 == 0 { send(handler(request, .data(data)), id, connection) }
                if header[9] & 1 != 0 { send(handler(request, .finished), id, connection) }
            }
        }
    }

    private func send(_ answers: [Answer], _ id: UInt32, _ connection: Int32) {
        for answer in answers {
            var content = ProtobufWriter()
            var (type, flags): (UInt8, UInt8) = (2, 0)
            switch answer {
            case .response(let payload, let metadata):
                content.field(2, payload)
                for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
                    content.field(100, Self.pair(key, value))
                }
            case .status(let code, let message, let details):
                var status = ProtobufWriter()
                status.field(1, value: .varint(UInt64(code)))
                status.field(2, Array(message.utf8))
                for detail in details {
                    var any = ProtobufWriter()
                    any.field(1, Array("type.googleapis.com/\(detail.type)".utf8))
                    any.field(2, detail.value)
                    status.field(3, any.bytes)
                }
                content.field(1, status.bytes)
            case .data(let payload):
                type = 3
                content.raw(payload)
            case .finished: (type, flags) = (3, 5)
            case .hangUp:
                shutdown(connection, Int32(SHUT_RDWR))
                return
            }
            let length = UInt32(content.bytes.count)
            let header = [length, id].flatMap { number in
                (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
            }
            let frame = header + [type, flags] + content.bytes
            var sent = 0
            while sent < frame.count {
                let count = frame.withUnsafeBytes {
                    Foundation.send(
                        connection, $0.baseAddress?.advanced(by: sent), frame.count - sent, Int32(MSG_NOSIGNAL)
                    )
                }
                guard count > 0 else { return }
                sent += count
            }
        }
    }

    static func pair(_ key: String, _ value: String) -> [UInt8] {
        var pair = ProtobufWriter()
        pair.field(1, Array(key.utf8))
        pair.field(2, Array(value.utf8))
        return pair.bytes
    }

    private static func request(_ bytes: [UInt8]) -> Request {
        var texts: [UInt32: String] = [:]
        var payload: [UInt8] = []
        var metadata: [String: String] = [:]
        var reader = ProtobufReader(bytes[...])
        while let field = try? reader.next() {
            guard case .bytes(let content) = field.value else { continue }
            if field.number == 3 {
                payload = Array(content)
            } else if field.number == 5 {
                let pair = Self.texts(of: content)
                metadata[pair[1] ?? ""] = pair[2] ?? ""
            } else {
                texts[field.number] = String(decoding: content, as: UTF8.self)
            }
        }
        return Request(service: texts[1] ?? "", method: texts[2] ?? "", payload: payload, metadata: metadata)
    }

    /// The fields of a message that are bytes, as text.
    static func texts(of bytes: some Sequence<UInt8>) -> [UInt32: String] {
        var result: [UInt32: String] = [:]
        var reader = ProtobufReader(Array(bytes)[...])
        while let field = try? reader.next() {
            if case .bytes(let content) = field.value {
                result[field.number] = String(decoding: content, as: UTF8.self)
            }
        }
        return result
    }

    private static func read(_ connection: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(connection, $0.baseAddress?.advanced(by: filled), count - filled, 0)
            }
            guard got > 0 else { return nil }
            filled += got
        }
        return bytes
    }
}

/// The built command as a process.
enum FnrpcProcess {
    struct Result {
        let code: Int32
        let output: String
        let errors: String
    }

    /// Where the build puts it.
    static var path: String {
        var folder = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0])
        while folder.path != "/" {
            folder.deleteLastPathComponent()
            let file = folder.path + "/fnrpc"
            if FileManager.default.isExecutableFile(atPath: file), !file.hasSuffix("Tests/fnrpc") { return file }
        }
        return URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path + "/.build/debug/fnrpc"
    }

    /// A process that is not started, without variables of ours.
    static func make(_ arguments: [String], environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("FNRPC_") }
            .merging(environment) { $1 }
        return process
    }

    /// Runs it to its end.
    static func run(_ arguments: [String], input: String = "", environment: [String: String] = [:]) throws -> Result {
        let process = make(arguments, environment: environment)
        let (output, errors, stdin) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = stdin
        try process.run()
        // Beside the reading: a long body is answered before it is sent whole.
        let writer = Thread {
            try? stdin.fileHandleForWriting.write(contentsOf: Data(input.utf8))
            try? stdin.fileHandleForWriting.close()
        }
        writer.start()
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let problem = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Result(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: problem, as: UTF8.self))
    }
}

// swift-tools-version: 6.2
import PackageDescription

let swift: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
]
let c: [CSetting] = [
    .treatAllWarnings(as: .error),
    .define("_GNU_SOURCE"),
]

/// A target imports only targets above it in this file; the build checks the direct edges
/// (`--explicit-target-dependency-import-check error`).
let package = Package(
    name: "fnrpc",
    products: [
        .library(name: "FnrpcClient", targets: ["FnrpcClient"]),
        .executable(name: "fnrpcd", targets: ["fnrpcd"]),
        .executable(name: "fnrpc", targets: ["fnrpc"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // Both ends.
        .systemLibrary(
            name: "CProtobufC", path: "Sources/Wire/CProtobufC", pkgConfig: "libprotobuf-c",
            providers: [.apt(["libprotobuf-c-dev"])]),
        .systemLibrary(
            name: "COpenSSL", path: "Sources/Wire/COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .target(name: "CWire", dependencies: ["CProtobufC"], path: "Sources/Wire/CWire"),
        .target(name: "CBacktrace", path: "Sources/Wire/CBacktrace", cSettings: c),
        .target(name: "Model", dependencies: ["CBacktrace"], path: "Sources/Wire/Model", swiftSettings: swift),
        .target(
            name: "Wire", dependencies: ["Model", "CWire", "CProtobufC"], path: "Sources/Wire/Wire",
            swiftSettings: swift),
        .target(
            name: "Archive", dependencies: ["Model", "COpenSSL"], path: "Sources/Wire/Archive", swiftSettings: swift),
        .target(
            name: "FnrpcClient",
            dependencies: [
                "Model", "Wire",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOTLS", package: "swift-nio"),
            ],
            path: "Sources/Client/FnrpcClient", swiftSettings: swift),

        // The daemon.
        .systemLibrary(
            name: "CUV", path: "Sources/Daemon/CUV", pkgConfig: "libuv", providers: [.apt(["libuv1-dev"])]),
        .systemLibrary(
            name: "CArchive", path: "Sources/Daemon/CArchive", pkgConfig: "libarchive",
            providers: [.apt(["libarchive-dev"])]),
        .target(
            name: "CLinux", path: "Sources/Daemon/CLinux", cSettings: c, linkerSettings: [.linkedLibrary("uring")]),
        .target(name: "Telemetry", dependencies: ["Model"], path: "Sources/Daemon/Telemetry", swiftSettings: swift),
        .target(
            name: "Loop", dependencies: ["CUV", "CLinux", "COpenSSL", "Model"], path: "Sources/Daemon/Loop",
            swiftSettings: swift),
        .target(
            name: "Extensions", dependencies: ["Model", "Wire", "Loop", "CLinux"], path: "Sources/Daemon/Extensions",
            swiftSettings: swift),
        .target(
            name: "Store",
            dependencies: [
                "Model", "Wire", "Archive", "CArchive", "Extensions", .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Sources/Daemon/Store", swiftSettings: swift),
        .target(name: "Pool", dependencies: ["Model"], path: "Sources/Daemon/Pool", swiftSettings: swift),
        .target(
            name: "Catalog", dependencies: ["Model", "Telemetry", "Pool"], path: "Sources/Daemon/Catalog",
            swiftSettings: swift),
        .target(
            name: "Access", dependencies: ["Model", "Archive", "COpenSSL"], path: "Sources/Daemon/Access",
            swiftSettings: swift),
        .target(
            name: "Drivers", dependencies: ["Model", "CLinux"], path: "Sources/Daemon/Drivers", swiftSettings: swift),
        .target(
            name: "Contracts", dependencies: ["Model", "Wire", "Loop", "CLinux", "Drivers"],
            path: "Sources/Daemon/Contracts", swiftSettings: swift),
        .target(
            name: "Syslog", dependencies: ["Model", "Telemetry", "Loop", "COpenSSL"], path: "Sources/Daemon/Syslog",
            swiftSettings: swift),
        .target(
            name: "Calls",
            dependencies: [
                "Model", "Wire", "Telemetry", "Loop", "Syslog", "CLinux", "Extensions", "Catalog", "Pool", "Access",
                "Drivers",
                "Contracts",
            ],
            path: "Sources/Daemon/Calls", swiftSettings: swift),
        .target(
            name: "Metrics", dependencies: ["Model", "Telemetry", "Loop", "Catalog", "Pool", "Access", "Calls"],
            path: "Sources/Daemon/Metrics", swiftSettings: swift),
        .target(
            name: "Admin",
            dependencies: [
                "Model", "Wire", "Telemetry", "Store", "Catalog", "Access", "Drivers", "Calls", "Metrics",
            ],
            path: "Sources/Daemon/Admin", swiftSettings: swift),
        .target(
            name: "Server",
            dependencies: [
                "Model", "Wire", "Telemetry", "Loop", "CLinux", "Extensions", "Store", "Catalog", "Pool", "Access",
                "Drivers", "Contracts", "Syslog", "Calls", "Metrics", "Admin",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Sources/Daemon/Server", swiftSettings: swift),
        .executableTarget(
            name: "fnrpcd", dependencies: ["Server", "CLinux"], path: "Sources/Daemon/fnrpcd", swiftSettings: swift),

        // The command.
        .executableTarget(
            name: "fnrpc",
            dependencies: [
                "Model", "Wire", "Archive", "FnrpcClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Sources/fnrpc", swiftSettings: swift),

        // Tests.
        .target(
            name: "WireProperties", dependencies: ["Wire", "Model", "CWire", "CProtobufC", "Contracts"],
            path: "Tests/Fuzz/Properties", swiftSettings: swift),
        .testTarget(name: "ModelTests", dependencies: ["Model"], swiftSettings: swift),
        .testTarget(
            name: "WireTests", dependencies: ["Wire", "Model", "CWire", "CProtobufC", "WireProperties"],
            swiftSettings: swift),
        .testTarget(name: "ArchiveTests", dependencies: ["Archive", "Model"], swiftSettings: swift),
        .testTarget(
            name: "ClientTests",
            dependencies: [
                "FnrpcClient", "Wire", "Model",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: swift),
        .testTarget(name: "LoopTests", dependencies: ["Loop", "Model", "COpenSSL"], swiftSettings: swift),
        .testTarget(
            name: "ExtensionsTests", dependencies: ["Extensions", "Model", "Wire", "Loop"], swiftSettings: swift),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Store", "Wire", "Model", "Archive", "Extensions", .product(name: "GRDB", package: "GRDB.swift"),
            ],
            swiftSettings: swift),
        .testTarget(name: "PoolTests", dependencies: ["Pool", "Model"], swiftSettings: swift),
        .testTarget(
            name: "CatalogTests", dependencies: ["Catalog", "Model", "Telemetry", "Pool"], swiftSettings: swift),
        .testTarget(name: "SyslogTests", dependencies: ["Syslog", "Model", "Telemetry"], swiftSettings: swift),
        .testTarget(
            name: "CallsTests",
            dependencies: [
                "Calls", "Access", "Catalog", "Contracts", "Drivers", "Extensions", "Loop", "Model", "Telemetry",
                "Wire",
            ],
            swiftSettings: swift),
        .testTarget(
            name: "AccessTests", dependencies: ["Access", "Admin", "Store", "Wire", "Model"], swiftSettings: swift),
        .testTarget(
            name: "AdminTests",
            dependencies: [
                "Admin", "Calls", "Catalog", "Drivers", "Loop", "Model", "Pool", "Server", "Store", "Telemetry", "Wire",
            ],
            swiftSettings: swift),
        .testTarget(
            name: "DriversTests", dependencies: ["Drivers", "Model", "CLinux"], swiftSettings: swift),
        .testTarget(
            name: "ContractsTests", dependencies: ["Contracts", "Wire", "Model", "Loop", "Drivers"],
            swiftSettings: swift),
        .testTarget(
            name: "MetricsTests",
            dependencies: ["Metrics", "Model", "Telemetry", "Loop", "Catalog", "Pool", "Access", "Calls"],
            swiftSettings: swift),
        .testTarget(
            name: "ServerTests", dependencies: ["Server", "Access", "Catalog", "Model", "Store", "Wire"],
            swiftSettings: swift),
        .testTarget(
            name: "FnrpcTests",
            dependencies: [
                "fnrpc", "Model", "Wire", "Archive", "FnrpcClient",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swift),
        // Real daemons, real containers.
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "FnrpcClient", "fnrpc", "fnrpcd", "Model", "Server", "Wire",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: swift),
    ]
)

// scripts/fuzz and scripts/sanitize name the targets that they want, so that everything else is not built for them.
if let only = Context.environment["FNRPC_ONLY"] {
    // Only libFuzzer has a main for it, so it is no part of a usual build.
    package.targets.append(
        .executableTarget(
            name: "fuzz", dependencies: ["WireProperties"], path: "Tests/Fuzz/Fuzzer", swiftSettings: swift))
    var wanted: Set<String> = []
    var next = only.split(separator: ",").map(String.init)
    while let name = next.popLast() {
        guard wanted.insert(name).inserted, let target = package.targets.first(where: { $0.name == name }) else {
            continue
        }
        for dependency in target.dependencies {
            switch dependency {
            case .targetItem(let name, _), .byNameItem(let name, _): next.append(name)
            default: break
            }
        }
    }
    package.targets.removeAll { !wanted.contains($0.name) }
    package.products = []
}

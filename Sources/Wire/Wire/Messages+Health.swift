package import CWire
package import Model

/// A grpc.health.v1.HealthCheckRequest.
package struct HealthCheckRequest: WireMessage {
    /// "" asks for the daemon.
    package var service: String

    package init(service: String = "") {
        self.service = service
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Grpc__Health__V1__HealthCheckRequest>) {
        grpc__health__v1__health_check_request__init(raw)
    }

    package init(_ raw: Grpc__Health__V1__HealthCheckRequest) throws(Failure) {
        self.init(service: text(raw.service))
    }

    package func write(to raw: inout Grpc__Health__V1__HealthCheckRequest, _ builder: Builder) {
        raw.service = builder.string(service)
    }
}

/// A grpc.health.v1.HealthCheckResponse.
package struct HealthCheckResponse: WireMessage {
    package var status: Status

    /// The states that the daemon reports.
    package enum Status: UInt32, Sendable {
        case unknown = 0
        case serving = 1
        case notServing = 2
        case serviceUnknown = 3
    }

    package init(status: Status) {
        self.status = status
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Grpc__Health__V1__HealthCheckResponse>) {
        grpc__health__v1__health_check_response__init(raw)
    }

    package init(_ raw: Grpc__Health__V1__HealthCheckResponse) throws(Failure) {
        self.init(status: Status(rawValue: UInt32(bitPattern: Int32(bitPattern: raw.status.rawValue))) ?? .unknown)
    }

    package func write(to raw: inout Grpc__Health__V1__HealthCheckResponse, _ builder: Builder) {
        raw.status = .init(rawValue: status.rawValue)
    }
}

/// Asks for all states.
package struct HealthListRequest: WireMessage {
    package init() {}

    package static func initialize(_ raw: UnsafeMutablePointer<Grpc__Health__V1__HealthListRequest>) {
        grpc__health__v1__health_list_request__init(raw)
    }

    package init(_ raw: Grpc__Health__V1__HealthListRequest) throws(Failure) {
        self.init()
    }

    package func write(to raw: inout Grpc__Health__V1__HealthListRequest, _ builder: Builder) {}
}

/// All states.
package struct HealthListResponse: WireMessage {
    package var statuses: [Entry]

    /// One entry of the map.
    package struct Entry: WireMessage {
        package var name: String
        package var status: HealthCheckResponse.Status

        package init(name: String, status: HealthCheckResponse.Status) {
            self.name = name
            self.status = status
        }

        package static func initialize(
            _ raw: UnsafeMutablePointer<Grpc__Health__V1__HealthListResponse__StatusesEntry>
        ) {
            grpc__health__v1__health_list_response__statuses_entry__init(raw)
        }

        package init(_ raw: Grpc__Health__V1__HealthListResponse__StatusesEntry) throws(Failure) {
            let value: HealthCheckResponse = try required(raw.value, "value")
            self.init(name: text(raw.key), status: value.status)
        }

        package func write(to raw: inout Grpc__Health__V1__HealthListResponse__StatusesEntry, _ builder: Builder) {
            raw.key = builder.string(name)
            raw.value = builder.message(HealthCheckResponse(status: status))
        }
    }

    package init(statuses: [Entry]) {
        self.statuses = statuses
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Grpc__Health__V1__HealthListResponse>) {
        grpc__health__v1__health_list_response__init(raw)
    }

    package init(_ raw: Grpc__Health__V1__HealthListResponse) throws(Failure) {
        self.init(statuses: try list(raw.statuses, raw.n_statuses))
    }

    package func write(to raw: inout Grpc__Health__V1__HealthListResponse, _ builder: Builder) {
        raw.n_statuses = statuses.count
        raw.statuses = builder.messages(statuses)
    }
}

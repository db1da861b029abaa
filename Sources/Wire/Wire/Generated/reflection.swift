// Generated from proto/fnrpc/v1/reflection.proto by scripts/swift-messages.
package import CWire
package import Model

/// A service that can be called.
package struct ServiceInfo: WireMessage {
    /// "pkg.Greeter"
    package var service: String
    /// Of the function that serves it; empty or absent: the daemon.
    package var app: String
    /// Empty or absent: the daemon.
    package var function: String
    /// GetFileDescriptorSet knows it.
    package var described: Bool

    package init(service: String = "", app: String = "", function: String = "", described: Bool = false) {
        self.service = service
        self.app = app
        self.function = function
        self.described = described
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ServiceInfo>) {
        fnrpc__v1__service_info__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ServiceInfo) throws(Failure) {
        self.init(
            service: text(raw.service), app: text(raw.app), function: text(raw.function), described: raw.described != 0)
    }

    package func write(to raw: inout Fnrpc__V1__ServiceInfo, _ builder: Builder) {
        raw.service = builder.string(service)
        if !app.isEmpty { raw.app = builder.string(app) }
        if !function.isEmpty { raw.function = builder.string(function) }
        raw.has_described = 1
        raw.described = described ? 1 : 0
    }
}

/// Asks for the services.
package struct ListServicesRequest: WireMessage {
    package var page: Page

    package init(page: Page = Page()) {
        self.page = page
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListServicesRequest>) {
        fnrpc__v1__list_services_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListServicesRequest) throws(Failure) {
        self.init(page: try optional(raw.page) ?? Page())
    }

    package func write(to raw: inout Fnrpc__V1__ListServicesRequest, _ builder: Builder) {
        raw.page = builder.message(page)
    }
}

/// The daemon's services, then those of the functions that the caller may call, by app, function and service.
package struct ListServicesResponse: WireMessage {
    /// The daemon's, then the functions' that the caller may call.
    package var services: [ServiceInfo]
    /// Empty at the end.
    package var nextCursor: String

    package init(services: [ServiceInfo] = [], nextCursor: String = "") {
        self.services = services
        self.nextCursor = nextCursor
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__ListServicesResponse>) {
        fnrpc__v1__list_services_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__ListServicesResponse) throws(Failure) {
        self.init(services: try list(raw.services, raw.n_services), nextCursor: text(raw.next_cursor))
    }

    package func write(to raw: inout Fnrpc__V1__ListServicesResponse, _ builder: Builder) {
        raw.n_services = services.count
        raw.services = builder.messages(services)
        raw.next_cursor = builder.string(nextCursor)
    }
}

/// Asks for a service's descriptors.
package struct GetFileDescriptorSetRequest: WireMessage {
    /// Empty or absent: the daemon's own.
    package var service: String
    /// Needed where several apps have the service; empty or absent: any.
    package var app: String

    package init(service: String = "", app: String = "") {
        self.service = service
        self.app = app
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetFileDescriptorSetRequest>) {
        fnrpc__v1__get_file_descriptor_set_request__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetFileDescriptorSetRequest) throws(Failure) {
        self.init(service: text(raw.service), app: text(raw.app))
    }

    package func write(to raw: inout Fnrpc__V1__GetFileDescriptorSetRequest, _ builder: Builder) {
        if !service.isEmpty { raw.service = builder.string(service) }
        if !app.isEmpty { raw.app = builder.string(app) }
    }
}

/// A service's descriptors.
package struct GetFileDescriptorSetResponse: WireMessage {
    /// A google.protobuf.FileDescriptorSet with all imports.
    package var descriptorSet: [UInt8]

    package init(descriptorSet: [UInt8] = []) {
        self.descriptorSet = descriptorSet
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__GetFileDescriptorSetResponse>) {
        fnrpc__v1__get_file_descriptor_set_response__init(raw)
    }

    package init(_ raw: Fnrpc__V1__GetFileDescriptorSetResponse) throws(Failure) {
        self.init(descriptorSet: bytes(raw.descriptor_set))
    }

    package func write(to raw: inout Fnrpc__V1__GetFileDescriptorSetResponse, _ builder: Builder) {
        raw.has_descriptor_set = 1
        raw.descriptor_set = builder.bytes(descriptorSet)
    }
}

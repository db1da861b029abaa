extension FunctionSpec {
    /// Beginnings of the names that the daemon itself serves, or may one day.
    package static let reservedServices = ["fnrpc.", "grpc."]

    /// Checks the services and where they are described; not what the file says.
    func checkServices(_ found: inout Violations) {
        found.require(
            services.isEmpty || format == .ttrpc,
            "services: need format ttrpc; \(format.rawValue) is called by fnrpc.v1.Invocation only")
        found.require(
            services.count <= Limits.services,
            "services: \(services.count) names are over the limit of \(Limits.services)")
        var seen: Set<String> = []
        for service in services.prefix(Limits.services) {
            found.check { () throws(Failure) in try Self.checkService(service) }
            found.require(seen.insert(service).inserted, "services: \(quoted(service)) is given twice")
        }
        if !descriptorSet.isEmpty { found.check { () throws(Failure) in try checkDescriptorSet() } }
    }

    private func checkDescriptorSet() throws(Failure) {
        guard !services.isEmpty else {
            throw Failure(.invalid, "descriptor_set: needs services; name those that it describes")
        }
        guard descriptorSet.utf8.count <= Limits.wordBytes else {
            throw Failure(
                .invalid,
                "descriptor_set: a path of \(descriptorSet.utf8.count) bytes is over the limit of \(Limits.wordBytes)")
        }
        let parts = descriptorSet.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard !descriptorSet.utf8.contains(0), parts.allSatisfy({ !Self.outside.contains(Array($0)) }) else {
            throw Failure(.invalid, "descriptor_set: \(quoted(descriptorSet)) is not a file inside the package")
        }
    }

    private static let outside: [[UInt8]] = [[], Array(".".utf8), Array("..".utf8)]

    private static func checkService(_ name: String) throws(Failure) {
        guard (1...Limits.serviceBytes).contains(name.utf8.count) else {
            throw Failure(
                .invalid, "services: a name of \(name.utf8.count) bytes; 1 to \(Limits.serviceBytes) are allowed")
        }
        guard name.utf8.allSatisfy({ isLetter($0) || (48...57).contains($0) || $0 == 0x5F || $0 == 0x2E }),
            name.utf8.contains(where: isLetter)
        else {
            throw Failure(
                .invalid,
                "services: \(quoted(name)) is not a service's name; write package.Service with A–Z a–z 0–9 _ and dots")
        }
        if let reserved = reservedServices.first(where: { name.hasPrefix($0) }) {
            throw Failure(
                .invalid, "services: \(quoted(name)) is reserved; names that begin with \(reserved) are the daemon's")
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte) || (97...122).contains(byte)
    }
}

// Generated from proto/fnrpc/v1/entities.proto by scripts/swift-messages.
package import CWire
package import Model

/// A part of FunctionSpec.
package struct HeaderValues: WireMessage {
    package var name: String
    package var values: [String]

    package init(name: String = "", values: [String] = []) {
        self.name = name
        self.values = values
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__HeaderValues>) {
        fnrpc__v1__header_values__init(raw)
    }

    package init(_ raw: Fnrpc__V1__HeaderValues) throws(Failure) {
        self.init(name: text(raw.name), values: texts(raw.values, raw.n_values))
    }

    package func write(to raw: inout Fnrpc__V1__HeaderValues, _ builder: Builder) {
        raw.name = builder.string(name)
        raw.n_values = values.count
        raw.values = builder.strings(values)
    }
}

/// A part of Alias.
package struct AliasTarget: WireMessage {
    package var version: UInt32
    /// 0: there is only one.
    package var secondVersion: UInt32
    /// Of 10000 calls, how many go to the second version.
    package var secondWeight: UInt32
    /// When it became the target.
    package var setAt: Timestamp

    package init(
        version: UInt32 = 0, secondVersion: UInt32 = 0, secondWeight: UInt32 = 0,
        setAt: Timestamp = Timestamp(nanoseconds: 0)
    ) {
        self.version = version
        self.secondVersion = secondVersion
        self.secondWeight = secondWeight
        self.setAt = setAt
    }

    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__AliasTarget>) {
        fnrpc__v1__alias_target__init(raw)
    }

    package init(_ raw: Fnrpc__V1__AliasTarget) throws(Failure) {
        self.init(
            version: raw.version, secondVersion: raw.second_version, secondWeight: raw.second_weight,
            setAt: Timestamp(nanoseconds: raw.set_at))
    }

    package func write(to raw: inout Fnrpc__V1__AliasTarget, _ builder: Builder) {
        raw.has_version = 1
        raw.version = version
        raw.has_second_version = 1
        raw.second_version = secondVersion
        raw.has_second_weight = 1
        raw.second_weight = secondWeight
        raw.has_set_at = 1
        raw.set_at = setAt.nanoseconds
    }
}

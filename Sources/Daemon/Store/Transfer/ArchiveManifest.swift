internal import Foundation
internal import Model

/// What an archive says about itself: its first member, `manifest.json`.
struct ArchiveManifest: Codable, Sendable, Equatable {
    /// The layout of archives that this daemon writes and reads.
    static let currentFormat = 1
    static let name = "manifest.json"
    static let entitiesName = "entities.binpb"
    static let callsName = "calls.binpb"
    /// Bytes of the longest manifest that is read.
    static let maxBytes = 64 << 20

    /// One further member, in the archive's order.
    struct Member: Codable, Sendable, Equatable {
        var name: String
        var bytes: UInt64
        /// `sha256:` and 64 digits.
        var digest: String
    }

    var format = Self.currentFormat
    /// Of the daemon that wrote it.
    var daemon: String
    var schema: Int
    var instance: String
    /// RFC 3339, UTC.
    var createdAt: String
    /// Which key the secrets are encrypted with, 16 hexadecimal digits.
    var keyID: String
    /// Entities of each kind.
    var entities: [String: Int]
    var calls: Int
    var members: [Member] = []

    private enum CodingKeys: String, CodingKey {
        case format, daemon, schema, instance, entities, calls, members
        case createdAt = "created_at"
        case keyID = "key_id"
    }

    /// - Throws: `invalid` for what is no manifest; `precondition` for a layout that is newer than the daemon.
    static func decode(_ bytes: [UInt8]) throws(Failure) -> ArchiveManifest {
        struct Format: Decodable { var format: Int }
        let decoder = JSONDecoder()
        guard let format = try? decoder.decode(Format.self, from: Data(bytes)).format else {
            throw Failure(.invalid, "\(name): it is no manifest of an export")
        }
        guard format == currentFormat else {
            throw Failure(
                .precondition,
                "\(name): the archive has format \(format), and this daemon reads format \(currentFormat)")
        }
        do { return try decoder.decode(ArchiveManifest.self, from: Data(bytes)) } catch {
            throw Failure(.invalid, "\(name): it is no manifest of format \(format)")
        }
    }

    func encoded() throws(Failure) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do { return Array(try encoder.encode(self)) + [UInt8(ascii: "\n")] } catch {
            throw Failure(.internalError, "the manifest cannot be written: \(error)")
        }
    }

    /// The member's name of a package's tar.
    static func packageName(_ digest: Digest) -> String { "packages/\(digest.hex).tar" }
}

import Foundation
import Testing

@testable import fnrpc

/// Files that protoc compiles for a test; protoc is also the oracle, by --encode and --decode.
final class Descriptions {
    private let scratch: Scratch
    let set: DescriptorSet
    let bytes: [UInt8]

    init(_ files: [String: String]) throws {
        scratch = try Scratch()
        for (name, text) in files { try scratch.write(name, text) }
        let compiled = try run(
            ["protoc", "-I", ".", "--include_imports", "--descriptor_set_out=set.pb"] + files.keys.sorted(),
            directory: scratch.path)
        try #require(compiled.status == 0)
        bytes = Array(try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/set.pb")))
        set = try DescriptorSet(bytes, source: "set.pb")
    }

    /// Where the set is.
    var path: String { scratch.path + "/set.pb" }

    /// protobuf's text format as bytes, by protoc.
    func encode(_ text: String, as type: String) throws -> [UInt8] {
        let result = try exchange(["--deterministic_output", "--encode=\(type)"], Array(text.utf8))
        return result
    }

    /// Bytes as protobuf's text format, by protoc.
    func decode(_ bytes: [UInt8], as type: String) throws -> String {
        String(decoding: try exchange(["--decode=\(type)"], bytes), as: UTF8.self)
    }

    private func exchange(_ arguments: [String], _ input: [UInt8]) throws -> [UInt8] {
        let file = scratch.path + "/input"
        try Data(input).write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["protoc", "--descriptor_set_in=set.pb"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: scratch.path)
        let output = Pipe()
        process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return Array(bytes)
    }

    /// JSON as bytes, by us.
    func bytes(_ json: String, as type: String) throws -> [UInt8] {
        try MessageEncoder(set: set).encode(try JSONParser.parse(Array(json.utf8)), as: type)
    }

    /// Bytes as JSON, by us.
    func json(_ bytes: [UInt8], as type: String) throws -> String {
        try MessageDecoder(set: set).decode(bytes, as: type).text()
    }

    /// Of every scalar and shape.
    static let everything = [
        "all.proto": """
        syntax = "proto3";
        package t;
        import "google/protobuf/any.proto";
        import "google/protobuf/duration.proto";
        import "google/protobuf/empty.proto";
        import "google/protobuf/field_mask.proto";
        import "google/protobuf/struct.proto";
        import "google/protobuf/timestamp.proto";
        import "google/protobuf/wrappers.proto";
        enum Color { RED = 0; GREEN = 1; BLUE = -5; }
        message All {
          double a_double = 1; float a_float = 2; int64 a_int64 = 3; uint64 a_uint64 = 4; int32 a_int32 = 5;
          fixed64 a_fixed64 = 6; fixed32 a_fixed32 = 7; bool a_bool = 8; string a_string = 9; bytes a_bytes = 10;
          uint32 a_uint32 = 11; Color a_color = 12; sfixed32 a_sfixed32 = 13; sfixed64 a_sfixed64 = 14;
          sint32 a_sint32 = 15; sint64 a_sint64 = 16;
          optional int32 maybe = 17;
          All child = 18;
          repeated int32 numbers = 19;
          repeated sint64 plain = 20 [packed = false];
          repeated string words = 21;
          repeated All children = 22;
          map<string, int32> counts = 23;
          map<int64, All> by_id = 24;
          map<bool, string> flags = 25;
          repeated double doubles = 26;
          repeated fixed32 fixeds = 27;
          repeated Color colors = 28;
          oneof choice { string left = 29; int32 right = 30; All both = 31; }
          string custom = 32 [json_name = "Other"];
          message Nested { int32 x = 1; enum Deep { ZERO = 0; } Deep deep = 2; }
          Nested nested = 33;
        }
        message Known {
          google.protobuf.Timestamp time = 1; google.protobuf.Duration length = 2;
          google.protobuf.Int64Value number = 3; google.protobuf.StringValue text = 4;
          google.protobuf.BoolValue flag = 5; google.protobuf.BytesValue data = 6;
          google.protobuf.Empty empty = 7; google.protobuf.FieldMask mask = 8;
          google.protobuf.Struct structure = 9; google.protobuf.Value value = 10; google.protobuf.Any any = 11;
          google.protobuf.ListValue list = 12; google.protobuf.NullValue nothing = 13;
        }
        service Greeter {
          rpc Say(All) returns (All);
          rpc Collect(stream All) returns (All);
          rpc Count(All) returns (stream All);
          rpc Talk(stream All) returns (stream All);
        }
        """,
        "old.proto": """
        syntax = "proto2";
        package old;
        enum Level { LOW = 1; HIGH = 2; }
        message Old {
          required string name = 1;
          optional int32 size = 2 [default = 7];
          optional Level level = 3 [default = HIGH];
          repeated int32 loose = 4;
          repeated int32 tight = 5 [packed = true];
          optional group Part = 6 { optional int32 y = 1; }
          optional string note = 7 [default = "a \\"b\\"", deprecated = true];
          optional Old next = 8;
        }
        """,
    ]
}

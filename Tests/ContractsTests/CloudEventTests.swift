import Model
import Testing
import Wire

@testable import Contracts

@Suite struct CloudEventTests {
    private func line(_ body: String, _ contentType: String = "application/json") throws -> String {
        let head = CallHead(
            id: "ID", deadline: Timestamp(nanoseconds: 0), contentType: contentType, headers: [], metadata: [],
            path: nil)
        let bytes = try Array(body.utf8).withUnsafeBytes { try head.cloudEvent($0) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func reply(_ text: String, isWhole: Bool = false) throws -> InvokeBody {
        try Array(text.utf8).withUnsafeBytes { try CloudEvent.readReply($0, isWhole: isWhole) }
    }

    private let extensions =
        #"{"protocol":{"type":"http","method":"POST","request_url":"/invoke","headers":{"Content-Type":["TYPE"]}},"#
        + #""deadline":"1970-01-01T00:00:00.000Z"}"#

    @Test func aBodyIsTheDataOfAnEvent() throws {
        let line = try line("{\"a\": [1,\n 2], \"b\": \"x y\\\" \"}")
        let time = try #require(line.split(separator: "\"eventTime\":\"").last?.prefix(24))
        #expect(time.hasSuffix("Z"))
        #expect(
            line
                == #"{"cloudEventsVersion":"0.1","eventID":"ID","source":"/invoke","eventType":"http","eventTypeVersion":"","#
                + #""eventTime":"\#(time)","schemaURL":"","contentType":"application/json","extensions":"#
                + extensions.replacing("TYPE", with: "application/json")
                + #","data":{"a":[1,2],"b":"x y\" "}}"# + "\n")
        #expect(try !self.line("").contains("\"data\""))
    }

    @Test func anEventPassesWithTheExtensionsOfTheCall() throws {
        let type = "application/CloudEvents+json; charset=utf-8"
        #expect(
            try line(#" {"eventID": "E", "extensions": {"mine": [1 ], "deadline": "forged"}, "data" : null}"#, type)
                == #"{"eventID":"E","data":null,"extensions":{"mine":[1],"#
                + extensions.replacing("TYPE", with: type).dropFirst() + "}\n")
        let all = try reply(#"{"eventID": "E", "contentType": "x/y", "data": [ 1]}"#, isWhole: true)
        #expect(all.contentType == "application/cloudevents+json")
        #expect(String(decoding: all.payload, as: UTF8.self) == #"{"eventID":"E","contentType":"x/y","data":[1]}"#)
    }

    @Test(arguments: [
        ("text", "application/json", "payload: is not JSON"), ("{} x", "application/json", "payload: is not JSON"),
        ("[]", "application/cloudevents+json", "payload: is not a JSON object"),
        ("", "application/cloudevents+json", "payload: is not a JSON object"),
    ])
    func otherBodiesAreTheCallersMistake(body: String, type: String, message: String) {
        let error = #expect(throws: Failure.self) { try line(body, type) }
        #expect(error?.code == .invalid && error?.message.hasPrefix(message) == true, "\(error as Any)")
    }

    @Test(arguments: [
        (#"{"contentType":"application/json; charset=utf-8","data":{"a": 1}}"#, #"{"a":1}"#, ""),
        (#"{"contentType":"text/plain","data":"a\nb"}"#, "a\nb", ""),
        (#"{"contentType":"text/plain"}"#, "", ""),
        (
            #"{"contentType":"application/json","data":1,"extensions":{"x":1,"#
                + #""protocol":{"status_code":404,"headers":{"X":["y"]}}}}"#, "1", "Fn-Http-Status=404 X=y"
        ),
    ])
    func answers(text: String, body: String, headers: String) throws {
        let reply = try reply(text)
        #expect(String(decoding: reply.payload, as: UTF8.self) == body)
        #expect(reply.headers.map { "\($0.name)=\($0.value)" }.joined(separator: " ") == headers)
    }

    @Test(arguments: [
        (#"{"data":1}"#, "its contentType is \"\""), (#"{"contentType":"text/html","data":""}"#, "its contentType is"),
        (#"{"contentType":"text/plain","data":1}"#, "a text in quotes is missing"),
        (#"{"contentType":"text/plain","extensions":[]}"#, "an object is missing"),
        (#"{"contentType":"text/plain","extensions":{"protocol":{"status_code":"x"}}}"#, "a value is missing"),
        (#"{"contentType":"text/plain","extensions":{"protocol":{"headers":{"X":1}}}}"#, "an array is missing"),
    ])
    func wrongTypesAreErrors(text: String, reason: String) {
        let error = #expect(throws: MalformedReply.self) { try reply(text) }
        #expect(error?.reason.contains(reason) == true, "\(error as Any)")
    }
}

import Coppice
import CoppiceServer
import Testing

/// Answers have the same keys whatever there is to tell.
@Suite struct AnswerKeysTests {
  private static let all: [any WireRequest.Type] =
    RequestCatalogue.storeRequests.map { $0 } + RequestCatalogue.serverRequests.map { $0 }

  /// A value of the shape in which all is missing that may be.
  private func sample(_ shape: Shape) -> JSONValue {
    switch shape {
    case .boolean: false
    case .integer: .unsigned(1)
    case .number: .number(1.5)
    case .string: "text"
    case .time: "2026-11-23T03:10:00.123Z"
    case .choice(let texts): .string(texts[0])
    case .array(let element): .array([sample(element)])
    case .object(let fields):
      .object(
        Dictionary(
          fields.map { ($0.name, $0.isOptional ? .null : sample($0.shape)) },
          uniquingKeysWith: { $1 }))
    }
  }

  private func checkKeys<Answer: Codable>(of type: Answer.Type) throws {
    let sample = sample(Shape(of: type))
    let answer = try JSON.decode(type, from: JSON.encode(sample))
    #expect(JSONValue(encoding: answer) == sample, "\(type)")
    #expect(try JSON.decode(JSONValue.self, from: JSON.encode(answer)) == sample, "\(type)")
  }

  private func checkAnswer<Request: WireRequest>(of type: Request.Type) throws {
    try checkKeys(of: Request.Answer.self)
  }

  @Test func `what is missing in an answer, or an error, is null`() throws {
    for type in Self.all { try checkAnswer(of: type) }
    try checkKeys(of: ErrorAnswer.self)
    let error = JSONValue(encoding: ErrorAnswer(StoreError(.invalid, "no")))
    #expect(error["error"]?["cause"] == .null && error["error"]?["reason"] == .null)
  }

  /// The names and shapes of all fields, at any depth.
  private func fields(_ shape: Shape) -> [Shape.Field] {
    switch shape {
    case .array(let element): fields(element)
    case .object(let own): own + own.flatMap { fields($0.shape) }
    default: []
    }
  }

  /// But for a file's own.
  @Test func `times, and times alone, have keys that end in At or Until`() {
    func answerFields<Request: WireRequest>(_ type: Request.Type) -> [Shape.Field] {
      fields(Shape(of: Request.Answer.self))
    }
    var count = 0
    for field in Self.all.flatMap({ answerFields($0) }) where field.name != "modified" {
      let isCalledTime = field.name.hasSuffix("At") || field.name.hasSuffix("Until")
      #expect(isCalledTime == (field.shape == .time), "\(field.name)")
      if field.shape == .time { count += 1 }
    }
    #expect(count > 10)
  }

  @Test func `a report and what a request adds to it are one object`() throws {
    let value: JSONValue = [
      "deleting": ["a"], "freedByteCount": .unsigned(1),
      "sharedByteCount": .unsigned(2), "sharers": [],
    ]
    let answer = try JSON.decode(FreedRequest.Answer.self, from: JSON.encode(value))
    #expect(answer.freedByteCount == 1 && answer.deleting == ["a"])
    #expect(JSONValue(encoding: answer) == value)
  }

  @Test func `a domain keeps its name and number on the way through JSON`() throws {
    let entry: JSONValue = [
      "name": "main", "id": .unsigned(7), "isSnapshot": false, "state": "deleted",
      "createdAt": "2026-11-23T03:10:00Z", "deletedAt": "2026-11-23T03:10:00.123Z",
      "parent": .null, "openFileCount": .unsigned(0), "class": "masked",
      "domain": "9", "domainNumber": .unsigned(9), "keepUntil": "2026-11-24T03:10:00Z",
      "expiredAt": .null, "expiresAt": "2026-11-25T03:10:00Z", "leaseUntil": .null,
      "protectedUntil": .null, "protectionReason": "audit", "isApproved": true, "owner": "ana",
      "labels": ["pr": "42"],
      "maxStoredByteCount": .unsigned(1 << 30), "addedByteCount": .unsigned(5000),
      "measuredAt": "2026-11-23T03:11:00Z",
    ]
    var info = try JSON.decode(EntryInfo.self, from: JSON.encode(entry))
    #expect(info.domain.name == nil && info.domain.number == 9 && info.domain.dataClass == .masked)
    #expect(JSONValue(encoding: info) == entry)
    info.domain.name = "customer"
    let again = try JSON.decode(EntryInfo.self, from: JSON.encode(info))
    #expect(again == info)
    #expect(throws: JSONFailure.self) {
      try JSON.decode(Domain.self, from: #"{"name": "x", "number": 1, "class": "other"}"#.utf8)
    }
    #expect(throws: JSONFailure.self) {
      try JSON.decode([Timestamp].self, from: #"["yesterday"]"#.utf8)
    }
  }

  @Test func `a difference keeps names of any bytes and length on the way through JSON`() throws {
    let deep = String(repeating: "directory/", count: 600) + #"$'\xFF'"#
    let item: JSONValue = [
      "change": "renamed", "path": .string(deep), "from": #"a/$'\xE9'"#, "file": .unsigned(17),
      "kind": "file", "oldByteCount": .unsigned(1), "newByteCount": .unsigned(2),
      "changedPageCount": .unsigned(1), "changedByteCount": .unsigned(2),
      "attributesChanged": true, "pages": [["firstPage": .unsigned(0), "pageCount": .unsigned(1)]],
    ]
    let decoded = try JSON.decode(Diff.Item.self, from: JSON.encode(item))
    #expect(decoded.change == .renamed(from: try BranchPath(bytes: Array("a/".utf8) + [0xE9])))
    #expect(decoded.path.bytes.last == 0xFF && decoded.kind == .regular)
    #expect(JSONValue(encoding: decoded) == item)
    for text in [#"["a/b"]"#, #"[""]"#, #"[".."]"#] {
      #expect(throws: JSONFailure.self) { try JSON.decode([FileName].self, from: text.utf8) }
    }
    #expect(throws: JSONFailure.self) {
      try JSON.decode([BranchPath].self, from: #"["a/.."]"#.utf8)
    }
    #expect(throws: JSONFailure.self) {
      try JSON.decode([FileKind].self, from: #"["regular"]"#.utf8)
    }
    let nowhere = String(decoding: JSON.encode(item), as: UTF8.self).replacing(
      #""from":"a/$'\\xE9'""#, with: #""from":null"#)
    #expect(nowhere.contains(#""from":null"#))
    #expect(throws: JSONFailure.self) { try JSON.decode(Diff.Item.self, from: nowhere.utf8) }
  }

  @Test func `a line of progress has one key`() {
    let line = AnswerLine<StopRequest.Answer>(
      progress: .transfer(TransferProgress(byteCount: 1, expectedByteCount: nil)))
    let value = JSONValue(encoding: line)
    #expect(value["answer"] == nil && value["error"] == nil)
    #expect(value["progress"]?["transfer"]?["expectedByteCount"] == .null)
  }

  @Test(arguments: [
    #"{"transfer":{"byteCount":1,"expectedByteCount":2}}"#,
    #"{"check":{"doneCount":1,"stage":"manifests","totalCount":2}}"#,
    #"{"scrub":{"byteCount":1,"findingCount":0,"totalByteCount":2}}"#,
    #"{"collection":{"count":3,"stage":"marking"}}"#,
  ])
  func `progress of every kind is one object in another`(text: String) throws {
    let progress = try JSON.decode(WorkProgress.self, from: text.utf8)
    #expect(String(decoding: JSON.encode(progress), as: UTF8.self) == text)
    #expect(throws: JSONFailure.self) {
      try JSON.decode(WorkProgress.self, from: #"{"other":{}}"#.utf8)
    }
  }

  @Test func `numbers and texts are as Foundation writes them`() {
    struct Sample: Encodable {
      var signed = Int8(-5)
      var large = UInt64.max
      var half = 0.5
      var texts = ["\u{1}\"/é", ""]
      var none: [Int] = []
    }
    let text = String(decoding: JSON.encode(Sample()), as: UTF8.self)
    let expected =
      #"{"half":0.5,"large":18446744073709551615,"none":[],"signed":-5,"texts":["\u0001\"/é",""]}"#
    #expect(text == expected)
  }
}

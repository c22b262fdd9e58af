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

  @Test func `a line of progress has one key`() {
    let line = AnswerLine<StopRequest.Answer>(
      progress: .transfer(byteCount: 1, expectedByteCount: nil))
    let value = JSONValue(encoding: line)
    #expect(value["answer"] == nil && value["error"] == nil)
    #expect(value["progress"]?["transfer"]?["expectedByteCount"] == .null)
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

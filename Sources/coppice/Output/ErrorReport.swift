internal import Coppice
internal import CoppicePlatform

/// An error as the user sees it, on standard error: a line and a remedy, or one JSON object.
struct ErrorReport: Encodable {
  var kind: String
  var object: String
  var message: String
  var remedy: String

  init(kind: String, object: String, message: String, remedy: String) {
    self.kind = kind
    self.object = object
    self.message = message
    self.remedy = remedy
  }

  init(_ error: StoreError) {
    let cause = error.cause.map { " (\($0))" } ?? ""
    self.init(
      kind: error.kind.rawValue, object: error.object, message: error.message + cause,
      remedy: error.remedy)
  }

  func print(isJSON: Bool) {
    if isJSON {
      Output.write(Output.encode(["error": self]) + "\n", to: .standardError)
      return
    }
    let place = object.isEmpty ? "" : "\(Output.printable(object)): "
    let advice = remedy.isEmpty ? "" : "  \(Output.printable(remedy))\n"
    let line = "coppice: \(place)\(Output.printable(message))\n"
    Output.write(line + advice, to: .standardError)
  }
}

internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

/// An error as the user sees it, on standard error: a line and a remedy, or one JSON object, the
/// same as the API's.
struct ErrorReport {
  private let answer: ErrorAnswer

  init(_ error: StoreError) { answer = ErrorAnswer(error) }

  func print(isJSON: Bool) {
    if isJSON {
      Output.write(Output.encode(answer) + "\n", to: .standardError)
      return
    }
    let error = answer.error
    let place = error.object.isEmpty ? "" : "\(Output.printable(error.object)): "
    let cause = error.cause.map { " (\(Output.printable($0)))" } ?? ""
    let advice = error.remedy.isEmpty ? "" : "  \(Output.printable(error.remedy))\n"
    let line = "coppice: \(place)\(Output.printable(error.message))\(cause)\n"
    Output.write(line + advice, to: .standardError)
  }
}

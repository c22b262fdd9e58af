/// A store that does not hold what it should, and how to see that again.
struct SimulationFailure: Error, CustomStringConvertible {
  var message: String
  var step: Int
  var lastOperations: [Operation]

  var description: String {
    let start = step - lastOperations.count
    let lines = lastOperations.enumerated().map { "  \(start + $0 + 1): \($1)" }
    return "after step \(step): \(message)\n" + lines.joined(separator: "\n")
  }
}

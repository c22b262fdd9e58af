/// A count with its noun, for messages: `1 file`, `2 files`.
package func quantity(_ count: Int, _ noun: String) -> String {
  if count == 1 { return "1 \(noun)" }
  if noun.hasSuffix("y") { return "\(count) \(noun.dropLast())ies" }
  return "\(count) \(noun)s"
}

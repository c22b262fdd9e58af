/// The entries that something was, or would be, done to.
package struct EntriesAnswer: Codable, Sendable {
  package var entries: [String]
  package var isDryRun: Bool
}

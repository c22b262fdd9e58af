import CoppiceErrors
import CoppicePools
import TestSupport
import Testing

@Suite struct KeyCommandTests {
  private let key = SamplePools.make(seed: 1).outer

  private func expect(
    _ kind: StoreError.Kind, _ words: String, _ command: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) {
      try KeyCommand.key(command, within: .seconds(20))
    }
    #expect(error?.kind == kind, sourceLocation: sourceLocation)
    #expect(
      error?.description.contains(words) == true, "\(error.debugDescription)",
      sourceLocation: sourceLocation)
    #expect(error?.description.contains("secret") == false, sourceLocation: sourceLocation)
  }

  @Test func `a command tells a key`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("key", key.text())
    let told = try KeyCommand.key("cat '\(path)'; echo a secret >&2")
    #expect(told.secret == key.secret && told.wrapper == key.wrapper && told.pool == key.pool)
  }

  @Test func `a command that fails, or tells no key, is refused without its words`() {
    expect(.unavailable, "did not end with 0", "echo secret; echo secret >&2; exit 3")
    expect(.unavailable, "did not end with 0", "/nowhere/secret")
    expect(.unavailable, "did not end with 0", "kill -9 $$")
    expect(.invalid, "is no key of a pool", "echo a secret")
    expect(.invalid, "is empty", "true")
    // One that would print for ever is stopped.
    expect(.invalid, "printed more than a key", "while :; do echo secret; done")
  }

  @Test func `a command that takes too long is ended, whether or not it prints`() {
    for command in ["sleep 1000", "exec >&-; sleep 1000"] {
      let error = #expect(throws: StoreError.self) {
        try KeyCommand.key(command, within: .milliseconds(300))
      }
      #expect(error?.kind == .unavailable && error?.message.contains("did not end within") == true)
    }
  }
}

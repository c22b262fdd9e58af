import Coppice
import Foundation
import TestSupport
import Testing

// README: begin
func branchAndChange(_ directory: String) throws {
  let store = try Store.create(at: directory)
  let main = try store.createBranch("main")
  try main.writeFile("greeting", Array("hello".utf8))
  try main.flush()

  let trial = try store.createBranch("trial", from: "main")
  try trial.transaction { changes throws(StoreError) in
    let file = try changes.lookup("greeting", in: .root).file
    try changes.write(file, at: 0, Array("J".utf8))
    try changes.createDirectory("results", in: .root)
  }
  try trial.flush()
  for item in try store.diff("main", "trial").items { print(item.change, item.path) }
  try store.close()
}
// README: end

@Suite struct ReadmeTests {
  @Test func `the example of the README is this one, and runs`() throws {
    let folder = try TemporaryFolder()
    try branchAndChange(folder("store"))

    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let example = try #require(
      source.split(separator: "// README: begin\n").last?.split(separator: "// README: end").first)
    let top = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    let readme = try String(
      contentsOf: top.appendingPathComponent("README.md"), encoding: .utf8)
    #expect(readme.contains("```swift\nimport Coppice\n\n\(example)```"))
  }
}

internal import Foundation
internal import Testing

/// How the sources read. Each test names the places that do not.
@Suite struct StyleTests {
  @Test func `lines have at most 100 columns`() throws {
    var places: [String] = []
    for file in try SourceTree("Sources", "Tests", "Benchmarks").files {
      for (index, line) in file.lines.enumerated() where line.count > 100 {
        places.append("\(file.path):\(index + 1)")
      }
    }
    #expect(places == [])
  }

  @Test func `files have at most 400 lines`() throws {
    let files = try SourceTree("Sources", "Tests", "Benchmarks").files
    #expect(files.count > 400)
    #expect(files.filter { $0.lines.count > 401 }.map(\.path) == [])
  }

  /// Names that say nothing, and what belongs into no commit.
  private static let unwanted = [
    "\\w*Utils?\\b", "\\w*Utilities\\b", "\\w*Helpers?\\b", "\\w*Manager\\b", "TODO", "FIXME",
    "XXX", "HACK", "try!", "as!",
  ]

  @Test func `no source has a name that says nothing, or a note to do something later`() throws {
    let pattern = try NSRegularExpression(
      pattern: "(?<!\\w)(" + Self.unwanted.joined(separator: "|") + ")")
    var places: [String] = []
    for file in try SourceTree("Sources", "Benchmarks").files {
      for (index, line) in file.lines.enumerated() {
        let range = NSRange(line.startIndex..., in: line)
        guard pattern.firstMatch(in: line, range: range) != nil,
          !line.contains("FileManager"), !line.contains("import ")
        else { continue }
        places.append("\(file.path):\(index + 1)")
      }
    }
    #expect(places == [])
  }

  /// What something else than the project's code asks for.
  private static let askedFor: Set = [
    "RootCommand", "allKeys", "channelInactive", "channelReadComplete",
    "channelWritabilityChanged", "customMirror", "defaultValueDescription", "didFinishRequest",
    "didReceiveBodyPart", "didReceiveHead", "didSendRequest", "didSendRequestHead",
    "didSendRequestPart",
  ]

  @Test func `every declaration is used somewhere`() throws {
    let declaration = try NSRegularExpression(
      pattern:
        "\\b(?:func|var|let|struct|class|enum|protocol|typealias|actor)\\s+`?([A-Za-z_]\\w*)")
    let word = try NSRegularExpression(pattern: "[A-Za-z_]\\w*")
    var counts: [String: Int] = [:]
    var declared: [(name: String, place: String)] = []
    for file in try SourceTree("Sources", "Tests", "Benchmarks").files {
      // Literals count: what stands in interpolations is used.
      for line in file.lines where !line.drop(while: { $0 == " " }).hasPrefix("//") {
        let range = NSRange(line.startIndex..., in: line)
        for match in word.matches(in: line, range: range) {
          counts[String(line[Range(match.range, in: line)!]), default: 0] += 1
        }
      }
      guard file.path.hasPrefix("Sources") else { continue }
      for (index, line) in file.code.enumerated() {
        let range = NSRange(line.startIndex..., in: line)
        for match in declaration.matches(in: line, range: range) {
          declared.append(
            (String(line[Range(match.range(at: 1), in: line)!]), "\(file.path):\(index + 1)"))
        }
      }
    }
    #expect(declared.count > 1000)
    let unused = declared.filter {
      counts[$0.name, default: 0] < 2 && $0.name != "_" && !Self.askedFor.contains($0.name)
    }
    #expect(unused.map { "\($0.place) \($0.name)" } == [])
  }

  /// What a module imports publicly may be in its interface; nothing that lies below it is.
  @Test func `the library shows its users no module but its errors`() throws {
    let imports = try SourceTree("Sources/Coppice").files.flatMap(\.lines).filter {
      $0.contains("public import ")
    }
    #expect(imports == ["@_exported public import CoppiceErrors"])
  }

  @Test func `tests name invariants and schedules that the documentation has`() throws {
    let article = try SourceTree.file("Sources/Coppice/Coppice.docc/Invariants.md")
    let label = try NSRegularExpression(pattern: "(?<![\\w.])[SI][1-9][0-9]?(?!\\w)")
    let known = Set(
      article.lines.compactMap { line in
        line.hasPrefix("- **") ? line.dropFirst(4).prefix { $0 != " " } : nil
      }.map(String.init))
    #expect(known.isSuperset(of: ["I1", "I12", "S1", "S33"]))
    var places: [String] = []
    for file in try SourceTree("Sources", "Tests").files {
      for (index, line) in file.lines.enumerated() {
        guard let comment = line.range(of: "//") else { continue }
        let range = NSRange(comment.upperBound..., in: line)
        for match in label.matches(in: line, range: range) {
          let name = String(line[Range(match.range, in: line)!])
          if !known.contains(name) { places.append("\(file.path):\(index + 1) \(name)") }
        }
      }
    }
    #expect(places == [])
  }
}

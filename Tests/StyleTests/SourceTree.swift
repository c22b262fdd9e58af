internal import Foundation

/// The project's own sources, as text.
struct SourceTree: Sendable {
  struct SourceFile: Sendable {
    /// From the project's top.
    let path: String
    let lines: [String]

    /// Line by line without comments and without what stands in string literals.
    var code: [String] {
      var isInLiteral = false
      return lines.map { line in
        let parts = line.components(separatedBy: "\"\"\"")
        defer { if parts.count.isMultiple(of: 2) { isInLiteral.toggle() } }
        if isInLiteral { return parts.count > 1 ? Self.withoutLiterals(parts[1]) : "" }
        return Self.withoutLiterals(parts[0])
      }
    }

    private static func withoutLiterals(_ line: String) -> String {
      var code = ""
      var isInLiteral = false
      var previous: Character = " "
      for character in line {
        if character == "\"", previous != "\\" { isInLiteral.toggle() }
        if !isInLiteral {
          if character == "/", previous == "/" { return String(code.dropLast()) }
          code.append(character)
        }
        previous = character
      }
      return code
    }
  }

  static let top = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  let files: [SourceFile]

  /// - Parameter folders: of the project's top.
  init(_ folders: String...) throws {
    var files: [SourceFile] = []
    for folder in folders {
      let paths = FileManager.default.enumerator(atPath: Self.top.appending(path: folder).path)
      for case let path as String in paths ?? FileManager.DirectoryEnumerator() {
        guard path.hasSuffix(".swift"), !path.contains(".build") else { continue }
        files.append(try Self.file("\(folder)/\(path)"))
      }
    }
    self.files = files.sorted { $0.path < $1.path }
  }

  static func file(_ path: String) throws -> SourceFile {
    let text = try String(contentsOf: top.appending(path: path), encoding: .utf8)
    return SourceFile(path: path, lines: text.components(separatedBy: "\n"))
  }
}

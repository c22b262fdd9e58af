internal import Foundation
internal import Testing

/// Who uses whom inside the engine, by folder.
@Suite struct EngineFolderTests {
  /// Which folders each one uses, by the table of the article on the architecture: all that a
  /// folder may use stands below it there, and comes before it here.
  private static func table() throws -> [(folder: String, uses: Set<String>)] {
    let article = try SourceTree.file("Sources/Coppice/Coppice.docc/Architecture.md")
    let section = article.lines.drop { $0 != "## Inside the engine" }.dropFirst()
      .prefix { !$0.hasPrefix("## ") }
    return section.filter { $0.hasPrefix("| ") }.dropFirst(2).reversed().map { row in
      let cells = row.components(separatedBy: "|")
      let uses = cells[3].components(separatedBy: ",").map {
        $0.trimmingCharacters(in: .whitespaces)
      }
      return (cells[1].trimmingCharacters(in: .whitespaces), Set(uses.filter { !$0.isEmpty }))
    }
  }

  @Test func `the folders of the engine use each other downwards only`() throws {
    let sources = try FolderNames()
    var above: Set<String> = []
    let table = try Self.table()
    for (folder, used) in table {
      #expect(used.isSubset(of: above), "\(folder) uses what stands above it")
      above.insert(folder)
    }
    #expect(sources.folders == above)
    for (folder, allowed) in table {
      let found = sources.uses(of: folder)
      #expect(Set(found.keys) == allowed, "\(folder) uses \(found)")
    }
  }
}

/// The names that folders of the engine declare and use.
private struct FolderNames {
  private static let engine = "Sources/CoppiceEngine/"

  private var files: [(folder: String, code: String)] = []
  /// The folder that declares a name, where one alone does.
  private var homes: [String: String] = [:]

  var folders: Set<String> { Set(files.map(\.folder)) }

  init() throws {
    let declaration = try NSRegularExpression(
      pattern: "\\b(?:func|var|let|case|struct|class|enum|protocol|typealias)\\s+([A-Za-z_]\\w*)")
    let parameter = try NSRegularExpression(pattern: "[(,]\\s*(?:\\w+\\s+)?(\\w+):")
    var places: [String: Set<String>] = [:]
    var exported: [String: String] = [:]
    for file in try SourceTree("Sources").files {
      let folder =
        file.path.hasPrefix(Self.engine)
        ? String(file.path.dropFirst(Self.engine.count).prefix { $0 != "/" })
        : String(file.path.dropFirst("Sources/".count).prefix { $0 != "/" })
      let isEngine = file.path.hasPrefix(Self.engine)
      let code = file.code
      if isEngine { files.append((folder, code.joined(separator: "\n"))) }
      var isExtension = false
      for line in code {
        for name in Self.names(declaration, line) {
          places[name, default: []].insert(folder)
          if isEngine, Self.isVisible(line, inExtension: isExtension) { exported[name] = folder }
        }
        for name in Self.names(parameter, line) { places[name, default: []].insert(folder) }
        if line.hasPrefix("}") { isExtension = false }
        if line.contains("extension "), !line.hasPrefix(" ") { isExtension = true }
      }
    }
    // What the platform or the format declares too is not known by its name.
    for (name, folder) in exported where places[name] == [folder] { homes[name] = folder }
  }

  /// Whether what the line declares can be seen from other files: it stands at the top of the file,
  /// or of an extension.
  private static func isVisible(_ line: String, inExtension: Bool) -> Bool {
    let indentation = line.prefix { $0 == " " }.count
    guard indentation == 0 || indentation == 2 && inExtension else { return false }
    return !line.contains("private ")
  }

  private static func names(_ pattern: NSRegularExpression, _ line: String) -> [String] {
    pattern.matches(in: line, range: NSRange(line.startIndex..., in: line)).map {
      String(line[Range($0.range(at: 1), in: line)!])
    }
  }

  /// The folders that a folder uses, with a name of each.
  func uses(of folder: String) -> [String: String] {
    var found: [String: String] = [:]
    for file in files where file.folder == folder {
      for word in file.code.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" }) {
        guard let home = homes[String(word)], home != folder else { continue }
        found[home] = String(word)
      }
    }
    return found
  }
}

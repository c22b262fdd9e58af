internal import ArgumentParser
internal import Coppice
internal import FoundationEssentials

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List a directory of a branch.",
    discussion: """
      JSON: entries, each with name, nameBase64 (when the name is not UTF-8), kind, permissions, \
      userID, groupID, linkCount, byteCount, modified, target.

      Example:
        coppice ls main:base
      """)

  @OptionGroup var options: StoreOptions

  @Argument(help: "A branch or snapshot, or REF:PATH for a directory or file in it.")
  var place: Reference

  func run() throws {
    let answer = try options.withStore(isReadOnly: true) { store in
      let tree = try store.tree(place.name)
      let path = try place.branchPath()
      let file = try tree.lookup(path)
      guard try tree.attributes(of: file).kind == .directory else {
        return Answer(entries: [try FileAnswer(file, path.lastComponent, tree)])
      }
      return Answer(
        entries: try tree.readDirectory(file, after: nil, limit: .max).map {
          try FileAnswer($0.file, $0.name, tree)
        })
    }
    try options.print(answer)
  }

  struct Answer: Reply {
    var entries: [FileAnswer]

    var text: String {
      var table = TextTable(
        ("mode", .left), ("owner", .right), ("size", .right), ("modified", .left),
        ("name", .left))
      for entry in entries {
        let arrow = entry.target.map { " -> \($0)" } ?? ""
        table.add(
          entry.mode, "\(entry.userID):\(entry.groupID)", "\(entry.byteCount)",
          entry.modified, entry.name + arrow)
      }
      return table.text
    }
  }

  struct FileAnswer: Encodable {
    var name: String
    var nameBase64: String?
    var kind: String
    /// Octal.
    var permissions: String
    var userID: UInt32
    var groupID: UInt32
    var linkCount: UInt32
    var byteCount: UInt64
    var modified: String
    var target: String?

    init(_ file: FileID, _ name: FileName?, _ tree: FileTree) throws(StoreError) {
      let attributes = try tree.attributes(of: file)
      self.name = name?.description ?? ""
      if let name, String(validating: name.bytes, as: UTF8.self) == nil {
        nameBase64 = Data(name.bytes).base64EncodedString()
      }
      kind = attributes.kind.text
      permissions = String(attributes.permissions, radix: 8)
      userID = attributes.userID
      groupID = attributes.groupID
      linkCount = attributes.linkCount
      byteCount = attributes.byteCount
      modified = Output.time(attributes.modified)
      if attributes.kind == .symbolicLink {
        target = String(decoding: try tree.symbolicLinkTarget(of: file), as: UTF8.self)
      }
    }

    /// As `ls -l` writes it.
    var mode: String {
      let letters: [String: Character] = [
        "directory": "d", "symbolicLink": "l", "characterDevice": "c", "blockDevice": "b",
        "fifo": "p", "socket": "s",
      ]
      let bits = UInt16(permissions, radix: 8) ?? 0
      var text = String(letters[kind] ?? "-")
      for (index, letter) in "rwxrwxrwx".enumerated() {
        text.append(bits & (1 << (8 - UInt16(index))) != 0 ? letter : "-")
      }
      return text
    }
  }
}

extension FileKind {
  /// The kind as JSON answers name it.
  var text: String {
    switch self {
    case .regular: "file"
    case .directory: "directory"
    case .symbolicLink: "symbolicLink"
    case .characterDevice: "characterDevice"
    case .blockDevice: "blockDevice"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }
}

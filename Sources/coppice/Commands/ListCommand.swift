internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List a directory of a branch.",
    discussion: """
      JSON: \(FileListRequest.keys).

      Example:
        coppice ls main:base
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "A branch or snapshot, or REF:PATH for a directory or file in it.")
  var place: Reference

  func run() throws {
    try options.print(
      try options.perform(FileListRequest(entry: place.name, path: place.path)))
  }
}

extension FileListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("mode", .left), ("owner", .right), ("size", .right), ("modified", .left), ("name", .left))
    for entry in entries {
      let arrow = entry.target.map { " -> \($0)" } ?? ""
      table.add(
        entry.mode, "\(entry.userID):\(entry.groupID)", "\(entry.byteCount)",
        Output.time(entry.modified),
        "\(entry.name)\(arrow)")
    }
    return table.text
  }
}

extension FileInfo {
  /// As `ls -l` writes it.
  fileprivate var mode: String {
    let bits = UInt16(permissions, radix: 8) ?? 0
    var text = kind.letter
    for (index, letter) in "rwxrwxrwx".enumerated() {
      let isSet = bits & (1 << (8 - UInt16(index))) != 0
      // The bits above stand where a right to execute does: set-user-ID, set-group-ID, sticky.
      let (mark, isMarked) = (index < 8 ? "s" : "t", bits & (0o4000 >> (UInt16(index) / 3)) != 0)
      if letter == "x", isMarked {
        text += isSet ? mark : mark.uppercased()
      } else {
        text.append(isSet ? letter : "-")
      }
    }
    return text
  }
}

extension FileKind {
  fileprivate var letter: String {
    switch self {
    case .regular: "-"
    case .directory: "d"
    case .symbolicLink: "l"
    case .characterDevice: "c"
    case .blockDevice: "b"
    case .fifo: "p"
    case .socket: "s"
    }
  }
}

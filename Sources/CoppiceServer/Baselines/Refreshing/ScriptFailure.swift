internal import CoppicePlatform

/// What psql said of a script that it did not carry out to its end.
struct ScriptFailure: Hashable {
  /// Where the statement that failed ends.
  let line: Int?
  /// The server's words, or psql's.
  let message: String
  /// What follows them, such as the table and its line.
  let details: [String]

  private static let place = "psql:<stdin>:"
  private static let detailCountMax = 3

  private init(message: String, line: Int? = nil, details: [String] = []) {
    self.line = line
    self.message = message
    self.details = details
  }

  /// - Parameter errors: what psql printed last.
  init(_ errors: String) {
    let lines = errors.split(separator: "\n").map(String.init)
    let first = lines.lastIndex { line in
      [": ERROR:  ", ": FATAL:  ", ": error: "].contains { line.contains($0) }
    }
    guard let first else {
      self.init(message: lines.last ?? "it said nothing")
      return
    }
    var text = lines[first]
    var line: Int?
    if text.hasPrefix(Self.place) {
      text.removeFirst(Self.place.count)
      line = Int(text.prefix { $0.isNumber })
      if let end = text.firstRange(of: ": ") { text = String(text[end.upperBound...]) }
    }
    for word in ["ERROR:  ", "error: "] where text.hasPrefix(word) {
      text.removeFirst(word.count)
    }
    // The statement itself may be anybody's data.
    let details = lines[(first + 1)...].filter { line in
      ["DETAIL:  ", "HINT:  ", "CONTEXT:  "].contains { line.hasPrefix($0) }
    }.prefix(Self.detailCountMax).map { $0.replacing(":  ", with: ": ") }
    self.init(message: text, line: line, details: details)
  }

  /// Of a script that was to end psql at the first statement that fails, and did not; `nil` where
  /// none failed.
  ///
  /// - Parameter mark: what psql printed at the script's end, as `DumpFile.start` says.
  init?(of errors: String, until mark: String) {
    let lines = errors.split(separator: "\n")
    let hasFailed = lines.contains { line in
      line.hasPrefix(Self.place)
        && line.dropFirst(Self.place.count).drop { $0.isNumber }.hasPrefix(": ERROR:  ")
    }
    if hasFailed {
      self.init(errors)
    } else if lines.last?.hasPrefix("\(mark) ") != true {
      self.init(message: "the script ends psql before its last line")
    } else if lines.last == "\(mark) 1 f" {
      self.init(message: "the script does not commit its last transaction")
    } else if lines.last != "\(mark) 1 t" {
      self.init(message: "the script has psql go on after errors (ON_ERROR_STOP)")
    } else {
      return nil
    }
  }

  /// In one sentence.
  var text: String {
    let place = line.map { "the statement that ends in line \($0) failed: " } ?? ""
    return place + ([message] + details).joined(separator: "; ")
  }

  /// A role that the statement names, and the cluster has not.
  var missingRole: String? { name(between: "role \"", "\" does not exist") }

  /// Likewise of all statements that failed, each once.
  static func missingRoles(in errors: String) -> [String] {
    var roles: [String] = []
    for line in errors.split(separator: "\n") {
      guard let role = ScriptFailure(String(line)).missingRole,
        !roles.contains(where: { $0.hasBytes(of: role) })
      else { continue }
      roles.append(role)
    }
    return roles
  }

  /// A role that the script makes, and the cluster has.
  var existingRole: String? { name(between: "role \"", "\" already exists") }

  /// Likewise.
  var existingDatabase: String? { name(between: "database \"", "\" already exists") }

  private func name(between beginning: String, _ end: String) -> String? {
    guard message.hasPrefix(beginning), message.hasSuffix(end) else { return nil }
    return String(message.dropFirst(beginning.count).dropLast(end.count))
  }
}

/// With the change as two keys: `change`, which is one word, and `from`, of a renamed file.
extension Diff.Item: Codable {
  private enum CodingKeys: String, CodingKey {
    case change, path, from, file, kind, oldByteCount, newByteCount, changedPageCount
    case changedByteCount, attributesChanged, pages
  }

  private enum Word: String, CaseIterable, Codable {
    case added, removed, changed, renamed
  }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    let word = try fields.decode(Word.self, forKey: .change)
    path = try fields.decode(BranchPath.self, forKey: .path)
    let origin = try fields.decodeIfPresent(BranchPath.self, forKey: .from)
    file = try fields.decode(FileID.self, forKey: .file)
    kind = try fields.decode(FileKind.self, forKey: .kind)
    oldByteCount = try fields.decode(UInt64.self, forKey: .oldByteCount)
    newByteCount = try fields.decode(UInt64.self, forKey: .newByteCount)
    changedPageCount = try fields.decode(Int.self, forKey: .changedPageCount)
    changedByteCount = try fields.decode(UInt64.self, forKey: .changedByteCount)
    attributesChanged = try fields.decode(Bool.self, forKey: .attributesChanged)
    pages = try fields.decodeIfPresent([PageRange].self, forKey: .pages)
    switch (word, origin) {
    case (.added, _): change = .added
    case (.removed, _): change = .removed
    case (.changed, _): change = .changed
    case (.renamed, let origin?): change = .renamed(from: origin)
    case (.renamed, nil):
      throw DecodingError.dataCorruptedError(
        forKey: .from, in: fields, debugDescription: "a renamed file was somewhere before")
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    let (word, origin): (Word, BranchPath?) =
      switch change {
      case .added: (.added, nil)
      case .removed: (.removed, nil)
      case .changed: (.changed, nil)
      case .renamed(let origin): (.renamed, origin)
      }
    try fields.encode(word, forKey: .change)
    try fields.encode(path, forKey: .path)
    try fields.encodeIfPresent(origin, forKey: .from)
    try fields.encode(file, forKey: .file)
    try fields.encode(kind, forKey: .kind)
    try fields.encode(oldByteCount, forKey: .oldByteCount)
    try fields.encode(newByteCount, forKey: .newByteCount)
    try fields.encode(changedPageCount, forKey: .changedPageCount)
    try fields.encode(changedByteCount, forKey: .changedByteCount)
    try fields.encode(attributesChanged, forKey: .attributesChanged)
    try fields.encodeIfPresent(pages, forKey: .pages)
  }
}

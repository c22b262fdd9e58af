internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

/// Which segments a push that has not been published has sent: what a later process needs not send
/// again. Lines of text in the folder of the pool's notes, durable when a call returns.
///
///     coppice upload 1
///     domain NUMBER
///     begun ID                 may have been sent
///     sent ID BYTECOUNT        the object store has all of it
///
/// Lost or wrong notes cost uploads, nothing else: ids that may have been sent are not used again,
/// what counts as sent is asked for before it is published, and nothing is written over.
struct UploadNotes: Sendable {
  private(set) var domain: DomainID?
  private(set) var begun: Set<SegmentID> = []
  private(set) var sent: [SegmentID: Int] = [:]
  private let disk: any Disk
  private let folder: String
  private var path: String { "\(folder)/upload" }

  /// Reads them; whatever is not as above is as if there were none.
  init(disk: any Disk, folder: String) {
    self.disk = disk
    self.folder = folder
    guard let bytes = try? disk.contents(of: path),
      let text = String(validating: bytes, as: UTF8.self)
    else { return }
    let lines = text.split(byte: UInt8(ascii: "\n"))
    guard lines.first == Self.title else { return }
    for line in lines.dropFirst() {
      let words = line.split(byte: UInt8(ascii: " "))
      switch (words.first, words.count) {
      case ("domain", 2): domain = UInt32(words[1]).map { DomainID($0) }
      case ("begun", 2): if let id = UInt64(words[1]) { begun.insert(SegmentID(id)) }
      case ("sent", 3):
        if let id = UInt64(words[1]), let count = Int(words[2]) { sent[SegmentID(id)] = count }
      default: break
      }
    }
  }

  private static let title = "coppice upload 1"

  mutating func begin(_ id: SegmentID, in domain: DomainID) throws(StoreError) {
    if self.domain != domain {
      self.domain = domain
      sent = [:]
    }
    begun.insert(id)
    try write()
  }

  mutating func note(_ id: SegmentID, byteCount: Int) throws(StoreError) {
    sent[id] = byteCount
    try write()
  }

  /// The push was published, or given up.
  mutating func clear() {
    (domain, begun, sent) = (nil, [], [:])
    // What stays is of no push that is open.
    try? disk.remove(path)
  }

  private func write() throws(StoreError) {
    var lines = [Self.title]
    if let domain { lines.append("domain \(domain.rawValue)") }
    lines += begun.sorted().map { "begun \($0.rawValue)" }
    lines += sent.sorted { $0.key < $1.key }.map { "sent \($0.key.rawValue) \($0.value)" }
    let text = lines.map { $0 + "\n" }.joined()
    do throws(SystemError) {
      try disk.replace(path, with: Array(text.utf8), unfinished: path + ".new")
      try disk.syncDirectory(folder)
    } catch {
      throw StoreError(
        error.isFull ? .full : .unavailable, "what was sent to the pool could not be noted",
        object: path, cause: "\(error)")
    }
  }
}

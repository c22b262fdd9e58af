import Foundation
import S3TestServer
import TestSupport

/// A store of a test's own that keeps copies in a pool of an object store in memory.
struct PooledStore {
  static let prefix = "backups/main"
  static let url = "s3://\(S3TestServer.bucket)/\(prefix)"

  let objects: S3TestServer
  let coppice: CoppiceCommand
  /// Of the pool.
  let keyFile: String

  /// A store with a branch `main`, and the pool `offsite`.
  init(makesPool: Bool = true) throws {
    objects = try S3TestServer()
    coppice = try Self.command(objects, makesStore: true)
    keyFile = coppice.folder("pool.key")
    try coppice.makeTree()
    try coppice.check("import", "tree", "main")
    if makesPool { try add("--create") }
  }

  private init(_ objects: S3TestServer, _ coppice: CoppiceCommand, keyFile: String) {
    self.objects = objects
    self.coppice = coppice
    self.keyFile = keyFile
  }

  /// The command with credentials that the object store knows.
  static func command(_ objects: S3TestServer, makesStore: Bool) throws -> CoppiceCommand {
    var coppice = try CoppiceCommand(makesStore: makesStore)
    coppice.program.environment["AWS_ACCESS_KEY_ID"] = S3TestServer.accessKeyID
    coppice.program.environment["AWS_SECRET_ACCESS_KEY"] = S3TestServer.secretAccessKey
    coppice.program.environment["TMPDIR"] = coppice.folder.path
    return coppice
  }

  /// Another store on another machine, made of the pool.
  func clone(bringing copies: String...) throws -> PooledStore {
    let other = try Self.command(objects, makesStore: false)
    try other.folder.write("pool.key", TemporaryFolder.bytes(of: keyFile))
    try other.script("chmod 600 pool.key")
    let words =
      ["clone", Self.url, other.folder("store"), "--key-file", "pool.key", "--name", "offsite"]
      + ["--endpoint", objects.endpoint] + copies.flatMap { ["--from", $0] }
    try other.program.check(words, in: other.folder.path)
    return PooledStore(objects, other, keyFile: other.folder("pool.key"))
  }

  /// The same store, whose command has other variables.
  func with(_ name: String, _ value: String) -> PooledStore {
    var coppice = coppice
    coppice.program.environment[name] = value
    return PooledStore(objects, coppice, keyFile: keyFile)
  }

  /// The words that add the pool by a name.
  func adding(
    _ more: [String], as name: String = "offsite", at url: String = url, key: String? = nil
  ) -> [String] {
    ["remote", "add", name, url, "--key-file", key ?? keyFile, "--endpoint", objects.endpoint]
      + more
  }

  @discardableResult
  func add(_ more: String...) throws -> [String: Any] { try coppice.json(all: adding(more)) }

  /// How many requests a command makes.
  func requestCount(of words: String...) throws -> Int {
    let before = objects.requests.count
    try coppice.program.check(words, in: coppice.folder.path)
    return objects.requests.count - before
  }

  /// The names of the pool's objects that begin so.
  func names(_ prefix: String = "") -> [String] {
    objects.names.filter { $0.hasPrefix("\(Self.prefix)/\(prefix)") }
  }

  /// What the pool has.
  func copies(_ more: String...) throws -> [[String: Any]] {
    let answer = try coppice.json(all: ["backup", "list", "offsite"] + more)
    return answer["entries"] as? [[String: Any]] ?? []
  }

  func copyNames(_ more: String...) throws -> [String] {
    let answer = try coppice.json(all: ["backup", "list", "offsite"] + more)
    let entries = answer["entries"] as? [[String: Any]] ?? []
    return entries.compactMap { $0["name"] as? String }
  }

  /// How a command fails.
  func failure(_ words: String...) throws -> CoppiceCommand.Failure { try failure(words) }

  func failure(_ words: [String]) throws -> CoppiceCommand.Failure {
    try coppice.failure(all: words)
  }
}

internal import CoppicePlatform
internal import Glibc

/// A folder of a test's own; removed with all that is in it when released.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    let template = strdup("\(base)/coppice-test-XXXXXX")
    defer { free(template) }
    guard let template, let made = mkdtemp(template) else {
      throw Program.Failure(description: "cannot make a folder below \(base): errno \(errno)")
    }
    path = String(cString: made)
  }

  // Whatever cannot be removed stays; the test has ended.
  deinit {
    let name = path.utf8.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex
    try? HostDirectory(path: String(path[..<name]))
      .removeTree(Array(path[path.index(after: name)...].utf8))
  }

  /// The path of a name in this folder.
  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  @discardableResult
  public func write(_ name: String, _ bytes: some Collection<UInt8>) throws -> String {
    let file = "\(path)/\(name)"
    guard let stream = fopen(file, "wb") else {
      throw Program.Failure(description: "cannot write \(file): errno \(errno)")
    }
    defer { fclose(stream) }
    let array = Array(bytes)
    guard fwrite(array, 1, array.count, stream) == array.count else {
      throw Program.Failure(description: "cannot write \(file): errno \(errno)")
    }
    return file
  }

  public static func bytes(of file: String) throws -> [UInt8] {
    guard let stream = fopen(file, "rb") else {
      throw Program.Failure(description: "cannot read \(file): errno \(errno)")
    }
    defer { fclose(stream) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&chunk, 1, chunk.count, stream)
      if count == 0 { return bytes }
      bytes += chunk[..<count]
    }
  }
}

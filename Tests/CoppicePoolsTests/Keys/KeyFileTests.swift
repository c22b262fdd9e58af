import CoppiceErrors
import CoppiceFormat
import CoppicePlatform
import CoppicePools
import TestSupport
import Testing

@Suite struct KeyFileTests {
  private let folder: TemporaryFolder
  private let store: String
  private let key = SamplePools.make(seed: 1).outer

  init() throws {
    folder = try TemporaryFolder()
    store = folder("store")
    try HostDirectory(path: folder.path).makeDirectory(Array("store".utf8), permissions: 0o755)
  }

  private func expect(
    _ kind: StoreError.Kind, _ words: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
  ) {
    let error = #expect(throws: StoreError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error?.kind == kind, "\(error.debugDescription)", sourceLocation: sourceLocation)
    #expect(
      error?.description.contains(words) == true, "\(error.debugDescription)",
      sourceLocation: sourceLocation)
    let secret = key.secret.withUnsafeBytes { hexadecimal($0) }
    #expect(error?.description.contains(secret.prefix(8)) == false, sourceLocation: sourceLocation)
  }

  /// A key's text in a file that its user alone can read.
  private func write(_ name: String, _ text: String) throws -> String {
    let path = try folder.write(name, Array(text.utf8))
    try HostFile(reading: path).setPermissions(0o600)
    return path
  }

  private var text: String { String(decoding: key.text(), as: UTF8.self) }

  @Test func `a key file is made for its user alone, once, and reads as it was made`() throws {
    let path = folder("key")
    try KeyFile.make(path, key, outsideOf: store)
    #expect(try HostFile(reading: path).status().permissions == 0o600)
    let read = try KeyFile.read(path, outsideOf: store)
    #expect(read.pool == key.pool && read.wrapper == key.wrapper && read.secret == key.secret)
    expect(.conflict, "name a file that does not exist") {
      try KeyFile.make(path, key, outsideOf: store)
    }
    #expect(try KeyFile.read(path, outsideOf: nil).secret == key.secret)
    expect(.notFound, "No such file") { _ = try KeyFile.read(folder("none"), outsideOf: store) }
    expect(.notFound, "No such file") {
      try KeyFile.make(folder("none/key"), key, outsideOf: store)
    }
  }

  @Test func `a key does not lie in the store, by whatever path`() throws {
    let inside = "lies in the store"
    let directory = try HostDirectory(path: store)
    try directory.makeDirectory(Array("deep".utf8), permissions: 0o755)
    try HostDirectory(path: folder.path)
      .makeSymbolicLink(Array("link".utf8), to: Array("store/deep".utf8))
    for place in ["store/key", "store/deep/key", "link/key", "link/../key", "./store/./key"] {
      expect(.invalid, inside) { try KeyFile.make(folder(place), key, outsideOf: store) }
    }
    #expect(try directory.names() == [Array("deep".utf8)])
    // The same directory by another name.
    expect(.invalid, inside) {
      try KeyFile.make(folder("store/k"), key, outsideOf: folder("link/.."))
    }
    let path = try write("store/deep/key", text)
    expect(.invalid, inside) { _ = try KeyFile.read(path, outsideOf: store) }
    try HostDirectory(path: folder.path)
      .makeSymbolicLink(Array("key".utf8), to: Array("store/deep/key".utf8))
    expect(.invalid, inside) { _ = try KeyFile.read(folder("key"), outsideOf: store) }
    #expect(try KeyFile.read(folder("key"), outsideOf: nil).wrapper == key.wrapper)
  }

  @Test(arguments: [0o640, 0o604, 0o601, 0o660] as [UInt32])
  func `a key that others can read is denied`(permissions: UInt32) throws {
    let path = try write("key", text)
    try HostFile(reading: path).setPermissions(permissions)
    expect(.denied, "others can read it: its mode is \(String(permissions, radix: 8))") {
      _ = try KeyFile.read(path, outsideOf: store)
    }
  }

  @Test func `a key of another user is denied`() throws {
    let path = try write("key", text)
    guard HostProcess.user == 0 else { return }
    try HostFile(reading: path).setOwner(user: 12_345, group: 12_345)
    expect(.denied, "belongs to the user 12345") { _ = try KeyFile.read(path, outsideOf: store) }
    // Root may serve the store of another user, with that user's key.
    try HostFile(reading: store).setOwner(user: 12_345, group: 12_345)
    #expect(try KeyFile.read(path, outsideOf: store).secret == key.secret)
  }

  @Test func `what is no key is refused with the reason`() throws {
    var number = 0
    func read(_ text: String) throws {
      number += 1
      _ = try KeyFile.read(try write("key-\(number)", text), outsideOf: store)
    }
    try read(text)
    try read("# kept in the safe\n\n" + text.replacing("\n", with: "\r\n"))
    for empty in ["", "\n", " \n\n"] { expect(.invalid, "is empty") { try read(empty) } }
    for broken in [
      "hello\n", "coppice pool key 1\n", text + "more\n", "coppice pool key\n",
      text.replacing("wrapper 1\n", with: ""), text.replacing("wrapper 1", with: "wrapper x"),
      text.replacing("pool 7", with: "pool Z"), text.replacing("check ", with: "check"),
      text.replacing("key 1\n", with: "key 1\npool 1\n"), String(text.dropLast(18)),
    ] {
      expect(.invalid, "is no key of a pool") { try read(broken) }
    }
    for changed in [
      text.replacing("wrapper 1", with: "wrapper 2"), text.replacing("pool 77", with: "pool 78"),
      String(text.dropLast(2)) + "x\n",
    ] {
      expect(.invalid, "its check does not fit") { try read(changed) }
    }
    expect(.unsupportedFormat, "newer version") {
      try read(text.replacing("coppice pool key 1", with: "coppice pool key 2"))
    }
    expect(.invalid, "too large") { try read(String(repeating: "#\n", count: 5000)) }
    expect(.invalid, "is no file") { _ = try KeyFile.read(folder.path, outsideOf: nil) }
    expect(.invalid, "is no file") { _ = try KeyFile.read("/dev/null", outsideOf: nil) }
  }

  @Test func `thousands of changed texts give a key or an error`() {
    var mutator = InputMutator(seed: 40, samples: [key.text(), Array("coppice pool key 1".utf8)])
    for _ in 0..<4000 {
      do {
        // Changed where it says nothing.
        #expect(try OuterKey(text: mutator.next(), source: "text").secret == key.secret)
      } catch {
        #expect(error.kind == .invalid || error.kind == .unsupportedFormat)
      }
    }
  }
}

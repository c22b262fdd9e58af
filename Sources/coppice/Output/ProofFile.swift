internal import Coppice
internal import CoppiceEngine
internal import CoppicePlatform

/// The file that a proof is written to. That it can be is tried out before anything is deleted, and
/// nothing is left behind by that; it is written as a whole, in place of what is there.
struct ProofFile {
  private let path: String
  private let directory: HostDirectory
  private let name: [UInt8]

  /// Throws what writing it would: `invalid`, `denied`, `full`, `notFound` without its directory.
  init(_ path: String) throws(StoreError) {
    self.path = path
    let (folder, last) = HostPath.split(path)
    name = ByteText.bytes(last)
    guard !name.isEmpty, last != ".", last != ".." else {
      throw StoreError(.invalid, "names no file", object: path, remedy: "give --proof a file")
    }
    let isFile: Bool
    do throws(SystemError) {
      directory = try HostDirectory(path: folder)
      isFile = try Self.isFile(name, in: directory)
    } catch {
      throw Self.failure(error, path)
    }
    guard isFile else {
      throw StoreError(
        .invalid, "is no file of its own", object: path,
        remedy: "give --proof a file, or the name of one to be made")
    }
    do throws(SystemError) {
      try Self.write([UInt8](repeating: 0x20, count: Self.triedByteCount), at: temporary, directory)
      try directory.remove(temporary)
    } catch {
      throw Self.failure(error, path)
    }
  }

  /// More than a proof has.
  private static let triedByteCount = 1 << 16

  /// Durable on return.
  func write(_ bytes: [UInt8]) throws(StoreError) {
    do throws(SystemError) {
      try Self.write(bytes, at: temporary, directory)
      try directory.rename(temporary, to: name)
      try directory.sync()
    } catch {
      throw Self.failure(error, path)
    }
  }

  private var temporary: [UInt8] { Array(".coppice-proof-\(HostProcess.identifier).new".utf8) }

  private static func isFile(
    _ name: [UInt8], in directory: HostDirectory
  ) throws(SystemError) -> Bool {
    do throws(SystemError) { return try directory.status(of: name).kind == .regular } catch {
      guard error.isMissing else { throw error }
      return true
    }
  }

  private static func write(
    _ bytes: [UInt8], at name: [UInt8], _ directory: HostDirectory
  ) throws(SystemError) {
    let file = try directory.makeFile(name, permissions: 0o644)
    do throws(SystemError) {
      try bytes.withUnsafeBufferPointer { bytes throws(SystemError) in
        try file.write(UnsafeRawBufferPointer(bytes), at: 0)
      }
      try file.sync()
    } catch {
      try? directory.remove(name)
      throw error
    }
  }

  private static func failure(_ error: SystemError, _ path: String) -> StoreError {
    var failure = StoreError(error, while: "writing the proof's file")
    failure.object = path
    return failure
  }
}

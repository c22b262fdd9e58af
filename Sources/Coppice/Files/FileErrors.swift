/// What file system requests fail with. Each carries the reason that a front end turns into errno.
extension StoreError {
  package static func noSuchFile(_ object: String) -> StoreError {
    StoreError(.notFound, "no such file or directory", object: object)
  }

  static func exists(_ object: String) -> StoreError {
    StoreError(
      .conflict, "exists already", object: object, remedy: "remove it, or choose another name",
      reason: .exists)
  }

  static func notEmpty(_ object: String) -> StoreError {
    StoreError(
      .conflict, "the directory is not empty", object: object, remedy: "remove what is in it first",
      reason: .notEmpty)
  }

  static func notDirectory(_ object: String) -> StoreError {
    StoreError(.invalid, "not a directory", object: object, reason: .notDirectory)
  }

  package static func isDirectory(_ object: String) -> StoreError {
    StoreError(.invalid, "is a directory", object: object, reason: .isDirectory)
  }

  package static func notRegular(_ object: String) -> StoreError {
    StoreError(.invalid, "not a regular file", object: object)
  }

  static func invalidMove(_ object: String) -> StoreError {
    StoreError(
      .invalid, "a directory cannot be moved into itself", object: object, reason: .invalidMove)
  }

  static func linkLoop(_ object: String) -> StoreError {
    StoreError(.invalid, "too many symbolic links on the way", object: object, reason: .linkLoop)
  }

  static func noAttribute(_ object: String) -> StoreError {
    StoreError(.notFound, "no such extended attribute", object: object, reason: .noAttribute)
  }

  package static func readOnlyTree(_ object: String) -> StoreError {
    StoreError(
      .denied, "snapshots cannot be written", object: object,
      remedy: "create a branch from it", reason: .readOnlyTree)
  }

  package static func stale(_ object: String) -> StoreError {
    StoreError(
      .unavailable, "the branch was replaced or deleted under this open file", object: object,
      remedy: "open the file again", reason: .stale)
  }

  static func tooLarge(_ what: String, _ byteCount: Int, _ limit: Int) -> StoreError {
    StoreError(
      .invalid, "\(what) has at most \(limit) bytes, this one \(byteCount)", reason: .tooLarge)
  }
}

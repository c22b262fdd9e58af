package import CoppiceEngine
package import CoppicePlatform

extension DirectoryDisk {
  /// The files of a store, for what reads or mends them without opening it. Throws `notFound`.
  package static func ofStore(_ directory: String) throws(StoreError) -> DirectoryDisk {
    do throws(SystemError) { return try DirectoryDisk(path: directory, creating: false) } catch {
      throw StoreError(
        .notFound, "there is no store here", object: directory,
        remedy: "make one with 'coppice init'", cause: error.description)
    }
  }
}

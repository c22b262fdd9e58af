package import CoppiceFormat
package import CoppicePlatform

/// Shows the structures of a store as they lie on disk.
///
/// Needs no lock and no opened store, changes nothing, and goes on behind damage as far as it can.
/// While another process writes, what it shows may be of different moments; what that one has just
/// moved or replaced is looked up again.
package struct StoreInspector {
  let disk: any Disk

  package init(disk: any Disk) { self.disk = disk }

  /// Keeps nothing: what is shown is what lies on disk.
  var segmentStore: SegmentStore { SegmentStore(disk: disk) }

  // MARK: Superblock

  package struct SuperblockInspection: Sendable {
    /// The two copies, of which one suffices.
    package var copies: [Result<Superblock, FormatError>]
    /// What opening would take: the first whole copy.
    package var content: Result<Superblock, FormatError>
  }

  package func superblock() throws(StoreError) -> SuperblockInspection {
    let bytes = try contents(of: SuperblockFile.name)
    let copies = [0, Superblock.copyByteCount].map { start in
      let end = min(bytes.count, start + Superblock.copyByteCount)
      return bytes[min(start, end)..<end].withUnsafeBytes { copy in
        Result { () throws(FormatError) in try Superblock.decode(copy.bytes) }
      }
    }
    return SuperblockInspection(
      copies: copies,
      content: Result { () throws(FormatError) in try Superblock.decode(bytes.span.bytes) })
  }

  // MARK: Catalogue

  package struct CatalogueInspection: Sendable {
    package var file: String
    package var byteCount: Int
    package var content: Result<Catalogue, FormatError>
  }

  /// All catalogue files; the first is the newest, which counts.
  package func catalogues() throws(StoreError) -> [CatalogueInspection] {
    try lookingAgain(in: "") { () throws(StoreError) in try cataloguesNow() }
  }

  private func cataloguesNow() throws(StoreError) -> [CatalogueInspection] {
    let numbers = try list("").compactMap { CatalogueFile.number(of: $0) }.sorted(by: >)
    var found: [CatalogueInspection] = []
    for number in numbers {
      let file = CatalogueFile.name(number)
      let bytes = try contents(of: file)
      found.append(
        CatalogueInspection(
          file: file, byteCount: bytes.count,
          content: Result { () throws(FormatError) in try Catalogue.decode(bytes.span.bytes) }))
    }
    return found
  }

  // MARK: Files

  /// Does again what missed a file of a directory, if other files are in it by then.
  func lookingAgain<Result>(
    in directory: String, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    while true {
      let names = try list(directory).sorted()
      do throws(StoreError) { return try body() } catch {
        guard error.kind == .notFound, try list(directory).sorted() != names else { throw error }
      }
    }
  }

  func list(_ directory: String) throws(StoreError) -> [String] {
    do throws(SystemError) { return try disk.list(directory) } catch {
      throw StoreError(error, while: "listing the store's files")
    }
  }

  func contents(of name: String) throws(StoreError) -> [UInt8] {
    do throws(SystemError) { return try disk.contents(of: name) } catch {
      throw StoreError(error, while: "reading \(name)")
    }
  }

  func open(_ name: String) throws(StoreError) -> (file: any DiskFile, byteCount: UInt64) {
    do throws(SystemError) {
      let file = try disk.open(name, .read)
      return (file, try file.byteCount())
    } catch {
      throw StoreError(error, while: "opening \(name)")
    }
  }
}

extension DiskFile {
  /// Exactly `count` bytes, or `nil` where the file ends before.
  func bytes(at offset: UInt64, count: Int) throws(StoreError) -> [UInt8]? {
    do throws(SystemError) {
      let bytes = try read(count, at: offset)
      return bytes.count == count ? bytes : nil
    } catch {
      throw StoreError(error, while: "reading the store's files")
    }
  }
}

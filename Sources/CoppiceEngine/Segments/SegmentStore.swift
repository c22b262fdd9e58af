package import CoppiceFormat
package import CoppicePlatform

/// The one owner of segments: makes, continues, finds, lists and removes them, and reads their
/// directories. Thread-safe.
///
/// Handles and directories are kept, bounded. Nothing that failed is: who asks again is answered by
/// the device.
///
/// Who appends to a segment, alone, writes and syncs the file that it got here itself; all reading
/// goes through handles.
package final class SegmentStore: Sendable {
  static let folder = "segments"

  private let disk: any Disk
  private let handles: SegmentHandles
  private let directories: DirectoryCache<SegmentDirectory>

  package convenience init(
    disk: any Disk, handleCountMax: Int = 64, directoryByteCountMax: Int = 1 << 20
  ) {
    self.init(disk, SegmentHandles(countMax: handleCountMax), directoryByteCountMax)
  }

  private init(_ disk: any Disk, _ handles: SegmentHandles, _ directoryByteCountMax: Int) {
    self.disk = disk
    self.handles = handles
    directories = DirectoryCache(byteCountMax: directoryByteCountMax)
  }

  /// The same segments, for those who trust no directory that was read before.
  func forgettingDirectories(directoryByteCountMax: Int) -> SegmentStore {
    SegmentStore(disk, handles, directoryByteCountMax)
  }

  /// The name of a segment's file, which names it in messages too.
  package static func path(_ id: SegmentID) -> String {
    let digits = String(id.rawValue, radix: 16)
    return "\(folder)/\(String(repeating: "0", count: max(0, 10 - digits.count)))\(digits)"
  }

  // MARK: Finding

  /// A segment that may be open already.
  package func open(_ id: SegmentID) throws(SegmentError) -> SegmentHandle {
    let (known, closeCount) = handles.find(id)
    if let known { return SegmentHandle(id, known) }
    let file = try openFile(id)
    handles.insert(file, id, unlessClosedSince: closeCount)
    return SegmentHandle(id, file)
  }

  /// The segment that is there now, whatever handle is open.
  package func find(_ id: SegmentID) throws(SegmentError) -> SegmentHandle {
    SegmentHandle(id, try openFile(id))
  }

  private func openFile(_ id: SegmentID) throws(SegmentError) -> any DiskFile {
    do throws(SystemError) { return try disk.open(Self.path(id), .read) } catch {
      throw SegmentError(error, opening: id)
    }
  }

  /// `nil` where the segment is missing, or its file cannot be read at all.
  func openReadable(_ id: SegmentID) throws(StoreError) -> SegmentHandle? {
    do throws(SegmentError) { return try open(id) } catch {
      if error.saysNothingOfContent { throw .opening(id, error) }
      return nil
    }
  }

  /// What lies where segments do.
  package struct Listing: Sendable {
    /// Ascending.
    package var ids: [SegmentID] = []
    /// Paths of what is no segment.
    package var strangers: [String] = []
  }

  package func list() throws(SegmentError) -> Listing {
    let names: [String]
    do throws(SystemError) { names = try disk.list(Self.folder) } catch {
      throw SegmentError(error)
    }
    var listing = Listing()
    for name in names {
      if let id = Self.segment(ofFile: name) {
        listing.ids.append(id)
      } else {
        listing.strangers.append("\(Self.folder)/\(name)")
      }
    }
    listing.ids.sort()
    return listing
  }

  private static func segment(ofFile name: String) -> SegmentID? {
    guard name.utf8.count == 10, let value = UInt64(name, radix: 16),
      name == name.lowercased()
    else { return nil }
    return SegmentID(value)
  }

  /// Where every frame of the published part lies.
  package func directory(_ entry: SegmentEntry) throws(StoreError) -> SegmentDirectory {
    if let cached = directories.directory(entry) { return cached }
    let directory = try SegmentDirectory.read(entry, try openForDirectory(entry.id))
    directories.insert(directory, entry)
    return directory
  }

  /// As `directory`, with what is whole of a host's damaged directories.
  func intactDirectory(host entry: SegmentEntry) throws(StoreError) -> SegmentDirectory {
    try SegmentDirectory.readIntact(host: entry, try openForDirectory(entry.id))
  }

  private func openForDirectory(_ id: SegmentID) throws(StoreError) -> SegmentHandle {
    do throws(SegmentError) { return try open(id) } catch {
      throw StoreError(error, while: "reading a segment's directories")
    }
  }

  // MARK: Changing

  /// Makes a segment that has a header and no frames, durably.
  package func create(_ header: SegmentHeader) throws(SegmentError) -> any DiskFile {
    let path = Self.path(header.segment)
    do throws(SystemError) {
      let file = try disk.open(path, .create)
      do throws(SystemError) {
        try file.write(header.encode(), at: 0)
        // A publish may name the file before anything else of it is there, or ever will be.
        try file.sync()
        try disk.syncDirectory(Self.folder)
      } catch {
        // A file without frames of an id that nothing names; if it stays, opening removes it.
        try? disk.remove(path)
        throw error
      }
      handles.insert(file, header.segment)
      return file
    } catch {
      throw SegmentError(error)
    }
  }

  /// The segment for appending to its published part; what lies behind that, which nothing ever
  /// referred to, is cut off. `nil` for one that lost bytes, or all: that is left to checking.
  package func openToContinue(_ entry: SegmentEntry) throws(SegmentError) -> (any DiskFile)? {
    do throws(SystemError) {
      let file = try disk.open(Self.path(entry.id), .write)
      guard try file.byteCount() >= entry.byteCount else { return nil }
      try file.truncate(to: entry.byteCount)
      handles.insert(file, entry.id)
      return file
    } catch {
      if error.isMissing { return nil }
      throw SegmentError(error)
    }
  }

  /// Puts a segment's header in the place of a damaged one, durably.
  func rewrite(_ header: SegmentHeader) throws(SegmentError) {
    do throws(SystemError) {
      let file = try disk.open(Self.path(header.segment), .write)
      try file.write(header.encode(), at: 0)
      try file.sync()
    } catch {
      throw SegmentError(error, opening: header.segment)
    }
  }

  /// Removes segments, durably, as far as they are there. Who has one open goes on reading; the
  /// space is free once nobody has.
  package func remove(_ ids: [SegmentID]) throws(SegmentError) {
    if ids.isEmpty { return }
    do throws(SystemError) {
      for id in ids {
        handles.close(id)
        do throws(SystemError) { try disk.remove(Self.path(id)) } catch {
          if !error.isMissing { throw error }
        }
        // A reader may have opened it again meanwhile: a handle would hold the space.
        handles.close(id)
        directories.remove(id)
      }
      try disk.syncDirectory(Self.folder)
    } catch {
      throw SegmentError(error)
    }
  }
}

extension StoreError {
  static func opening(_ id: SegmentID, _ error: SegmentError) -> StoreError {
    StoreError(error, while: "opening segment \(id.rawValue)")
  }
}

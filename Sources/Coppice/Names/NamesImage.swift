internal import CoppiceEngine
internal import CoppiceFormat
internal import Synchronization

/// One page of the names tree in RAM.
///
/// An image that the cache has handed out never changes. A transaction writes only to images that
/// it made itself, and gives them to the cache when it is done with them.
package final class NamesImage: @unchecked Sendable {
  /// The page's bytes, owned by the image.
  package let contents: UnsafeMutableRawBufferPointer
  /// Whether the volume holds these bytes; where it does not it reads as zeros.
  var isStored: Bool { stored.load(ordering: .relaxed) }
  private let stored: Atomic<Bool>

  /// Whether the page is known to be sound by itself: it was checked, or made here.
  private let isSound: Atomic<Bool>

  /// A page of zeros that the volume does not hold.
  package init(pageByteCount: Int) {
    contents = .allocate(byteCount: pageByteCount, alignment: 16)
    contents.initializeMemory(as: UInt8.self, repeating: 0)
    stored = Atomic(false)
    isSound = Atomic(true)
  }

  /// A private copy, to be changed and stored.
  init(copying other: NamesImage) {
    contents = .allocate(byteCount: other.contents.count, alignment: 16)
    contents.copyMemory(from: UnsafeRawBufferPointer(other.contents))
    stored = Atomic(true)
    isSound = Atomic(other.isSound.load(ordering: .relaxed))
  }

  /// The page as the volume holds it.
  init(reading page: UInt32, of space: any VolumeSpace) throws(StoreError) {
    let byteCount = space.pageByteCount
    contents = .allocate(byteCount: byteCount, alignment: 16)
    stored = Atomic(true)
    isSound = Atomic(false)
    let count = try space.read(.names, at: UInt64(page) * UInt64(byteCount), into: contents)
    UnsafeMutableRawBufferPointer(rebasing: contents[count...])
      .initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { contents.deallocate() }

  /// Says that a commit stored the page: the next change is one of these bytes, not of zeros.
  func noteStored() { stored.store(true, ordering: .relaxed) }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(contents) }

  /// Throws unless the page is sound by itself, which it needs to be before it is edited.
  func validate(as number: UInt32) throws(StoreError) {
    if isSound.load(ordering: .relaxed) { return }
    try decode(number) { view throws(FormatError) in try view.validate() }
    isSound.store(true, ordering: .relaxed)
  }

  /// Runs `body` on the page; what it finds damaged is reported as page `number` being so.
  @inline(__always)
  func decode<Result>(
    _ number: UInt32, _ body: (NamesPage) throws(FormatError) -> Result
  ) throws(StoreError) -> Result {
    try withExtendedLifetime(self) { () throws(StoreError) -> Result in
      do throws(FormatError) {
        return try body(NamesPage(bytes))
      } catch {
        throw .damagedNames(number, error)
      }
    }
  }
}

extension StoreError {
  static func damagedNames(_ page: UInt32, _ error: FormatError) -> StoreError {
    StoreError(
      .corrupt, "the tree of names is damaged", object: "names page \(page)",
      remedy: "\(step: .check) tells all that is wrong; other branches and snapshots may be whole",
      cause: error.description)
  }
}

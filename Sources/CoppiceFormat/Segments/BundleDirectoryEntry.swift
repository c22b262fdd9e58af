/// What a bundle's directory says of one frame.
@frozen
public struct BundleDirectoryEntry: Hashable, Sendable {
  /// The low 64 bits of the frame's hash or id; 0 for a note.
  public var hashPrefix: UInt64
  /// At least 1.
  public var storedByteCount: Int
  public var form: FrameForm
  /// The volume for which the frame was written; others may share it since.
  public var volume: VolumeNumber
  /// The page, or the first key of a node.
  public var page: PageNumber
  /// The base of a derived frame, else `.none`.
  public var base: FrameName
  /// The frame's name if it was evacuated, else `.none`: then the name follows from its place.
  public var home: FrameName

  public init(
    hashPrefix: UInt64, storedByteCount: Int, form: FrameForm, volume: VolumeNumber,
    page: PageNumber, base: FrameName = .none, home: FrameName = .none
  ) {
    self.hashPrefix = hashPrefix
    self.storedByteCount = storedByteCount
    self.form = form
    self.volume = volume
    self.page = page
    self.base = base
    self.home = home
  }
}

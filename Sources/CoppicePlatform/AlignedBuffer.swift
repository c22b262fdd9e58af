/// A growable row of bytes that begins at a page boundary, for journal batches and bundles.
///
/// One owner at a time uses it; it synchronizes nothing.
public final class AlignedBuffer: @unchecked Sendable {
  public static let alignment = 4096

  /// The first byte. Moves when the buffer grows.
  public private(set) var bytes: UnsafeMutableRawPointer
  /// Bytes that fit without growing; a multiple of the alignment.
  public private(set) var capacity: Int
  /// Bytes in use. Bytes past it are undefined.
  public private(set) var byteCount = 0

  /// An empty buffer with room for at least that many bytes.
  public init(byteCountMin: Int = 1 << 16) {
    capacity = Self.rounded(max(byteCountMin, 1))
    bytes = .allocate(byteCount: capacity, alignment: Self.alignment)
  }

  deinit { bytes.deallocate() }

  /// The bytes in use, until the next change of the buffer.
  public var contents: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: bytes, count: byteCount)
  }

  /// The bytes in use for changing them, until the next change of the buffer.
  public var mutableContents: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: bytes, count: byteCount)
  }

  /// Makes room for `count` more bytes without further growing. Doubles at least.
  public func reserve(_ count: Int) {
    guard byteCount + count > capacity else { return }
    let larger = Self.rounded(max(byteCount + count, capacity * 2))
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: Self.alignment)
    moved.copyMemory(from: bytes, byteCount: byteCount)
    bytes.deallocate()
    bytes = moved
    capacity = larger
  }

  /// Takes `count` more bytes into use and returns the first; their content is undefined.
  @discardableResult
  public func extend(_ count: Int) -> UnsafeMutableRawPointer {
    precondition(count >= 0)
    reserve(count)
    defer { byteCount += count }
    return bytes + byteCount
  }

  public func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress else { return }
    extend(source.count).copyMemory(from: start, byteCount: source.count)
  }

  public func appendZeros(_ count: Int) {
    extend(count).initializeMemory(as: UInt8.self, repeating: 0, count: count)
  }

  /// Appends zeros up to a multiple of `alignment`, a power of two.
  public func pad(to alignment: Int) {
    appendZeros(-byteCount & (alignment - 1))
  }

  /// Drops all bytes from `count` on; keeps the capacity.
  public func removeAll(from count: Int = 0) {
    precondition(count <= byteCount)
    byteCount = count
  }

  private static func rounded(_ count: Int) -> Int { (count + alignment - 1) & -alignment }
}

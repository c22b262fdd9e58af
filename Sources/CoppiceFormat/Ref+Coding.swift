extension FrameForm {
  /// Whether the bits name a kind and an encoding that frames of this kind may have.
  public var isValid: Bool {
    switch (kind, encoding) {
    case (.page, .raw), (.page, .zstd), (.page, .zstdOnBase): true
    case (.volumeNode, .columns), (.volumeNode, .overridesOnBase): true
    case (.tableNode, .columns), (.tableNode, .overridesOnBase): true
    case (.note, .raw): true
    default: false
    }
  }

  /// Throws `.unsupported` for a kind or an encoding that is reserved, `.outOfRange` for a pair
  /// that no frame has.
  func check() throws(FormatError) {
    if isValid { return }
    guard kind != nil, encoding != nil else {
      throw .unsupported(what: "frame form", found: UInt64(rawValue))
    }
    throw .outOfRange(what: "frame form", value: UInt64(rawValue), limit: 0x4F)
  }
}

extension Locator {
  /// The locator in the first 16 bytes of `bytes`: all zero for a hole, else with a valid form,
  /// a name and a stored byte count.
  ///
  /// Throws `FormatError.truncated`, `.outOfRange`, `.malformed`, `.unsupported`.
  public init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard bytes.count >= Self.byteCount else {
      throw .truncated(what: "locator", needed: Self.byteCount, available: bytes.count)
    }
    let last: UInt32 = bytes.integer(at: 12)
    self.init(
      name: FrameName(rawValue: bytes.integer(at: 0)), offset: bytes.integer(at: 8),
      storedByteCount: Int(last & 0xFF_FFFF), form: FrameForm(rawValue: UInt8(last >> 24)))
    try check()
  }

  /// Writes the locator's 16 bytes to the start of `bytes`.
  public func encode(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= Self.byteCount)
    bytes.store(integer: name.rawValue, at: 0)
    bytes.store(integer: offset, at: 8)
    bytes.store(integer: UInt32(storedByteCount) | UInt32(form.rawValue) << 24, at: 12)
  }

  func check() throws(FormatError) {
    if self == .hole { return }
    try form.check()
    guard name.segment.rawValue > 0, storedByteCount > 0 else {
      throw .malformed(what: "locator")
    }
    try SegmentID.check(name.segment.rawValue)
  }
}

extension Ref {
  /// The ref in the first 32 bytes of `bytes`; a hole is all zero, and only a hole has a zero hash.
  ///
  /// Throws `FormatError.truncated`, `.outOfRange`, `.malformed`, `.unsupported`.
  public init(decoding bytes: UnsafeRawBufferPointer) throws(FormatError) {
    guard bytes.count >= Self.byteCount else {
      throw .truncated(what: "ref", needed: Self.byteCount, available: bytes.count)
    }
    self.init(
      hash: PageHash(low: bytes.integer(at: 0), high: bytes.integer(at: 8)),
      locator: try Locator(decoding: bytes.slice(16..<Self.byteCount)))
    guard isHole == (locator == .hole) else { throw .malformed(what: "ref") }
  }

  /// Writes the ref's 32 bytes to the start of `bytes`.
  public func encode(into bytes: UnsafeMutableRawBufferPointer) {
    precondition(bytes.count >= Self.byteCount)
    bytes.store(integer: hash.low, at: 0)
    bytes.store(integer: hash.high, at: 8)
    locator.encode(into: UnsafeMutableRawBufferPointer(rebasing: bytes[16...]))
  }
}

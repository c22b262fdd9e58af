/// One op of a write record. Its bytes are the reader's.
public struct Op {
  public let header: OpHeader
  public let payload: UnsafeRawBufferPointer

  /// The byte count of a hole.
  ///
  /// - Precondition: the op's code is `.hole`.
  public var holeByteCount: UInt64 {
    precondition(header.code == .hole)
    return payload.integer(at: 0)
  }

  /// How many pages a share names.
  public var refCount: Int { payload.count / Ref.byteCount }

  /// The ref of a shared page, a full or derived page frame or a hole; or of the top node to adopt.
  ///
  /// Throws `.malformed`, `.outOfRange` when the ref is none of these.
  ///
  /// - Precondition: `index` is below `refCount`, the code is `.share` or `.adopt`.
  public func ref(at index: Int) throws(FormatError) -> Ref {
    precondition(index < refCount && (header.code == .share || header.code == .adopt))
    let start = index * Ref.byteCount
    let ref = try Ref(decoding: payload.slice(start..<start + Ref.byteCount))
    let kind: FrameKind = header.code == .adopt ? .volumeNode : .page
    guard ref.isHole || ref.locator.form.kind == kind else { throw .malformed(what: "op ref") }
    return ref
  }

  /// The byte count of an adopted volume.
  ///
  /// - Precondition: the op's code is `.adopt`.
  public var adoptedByteCount: UInt64 {
    precondition(header.code == .adopt)
    return payload.integer(at: Ref.byteCount)
  }
}

/// Iterates over the ops of a write record.
///
/// The record's bytes must outlive the reader and its ops.
public struct OpReader {
  private let bytes: UnsafeRawBufferPointer
  private var offset = 0
  private var rest: Int

  public init(_ payload: UnsafeRawBufferPointer, opCount: Int) {
    bytes = payload
    rest = opCount
  }

  /// The next op; `nil` behind the last one.
  ///
  /// Throws what `OpHeader.load` does, `.truncated` when an op leaves the record, and
  /// `.malformed` when bytes are left behind the last one. An iteration ends with its first error.
  public mutating func next() throws(FormatError) -> Op? {
    let available = bytes.count - offset
    guard rest > 0 else {
      guard available == 0 else { throw .malformed(what: "write record") }
      return nil
    }
    guard available >= OpHeader.byteCount, let base = bytes.baseAddress else {
      throw .truncated(what: "journal op", needed: OpHeader.byteCount, available: available)
    }
    let header = try OpHeader.load(from: base + offset)
    guard header.opByteCount <= available else {
      throw .truncated(what: "journal op", needed: header.opByteCount, available: available)
    }
    let start = offset + OpHeader.byteCount
    let op = Op(header: header, payload: bytes.slice(start..<start + Int(header.payloadByteCount)))
    guard op.endsInVolume else {
      throw .outOfRange(
        what: "op end", value: op.extent, limit: VolumeNumber.byteCountMax - header.offset)
    }
    offset += header.opByteCount
    rest -= 1
    return op
  }
}

extension Op {
  /// What a hole covers or an adopted volume holds; 0 for other ops.
  fileprivate var extent: UInt64 {
    switch header.code {
    case .hole: holeByteCount
    case .adopt: adoptedByteCount
    default: 0
    }
  }

  fileprivate var endsInVolume: Bool {
    extent <= VolumeNumber.byteCountMax - header.offset
  }
}

// Decoding. What is read was checksummed, but a checksum is no proof: every count, name, offset
// and form is checked here before a ref leaves the codec.
extension NodeColumns {
  /// Decodes `columns` and sets the slots that they list in `refs`; the others keep their values.
  ///
  /// - Parameters:
  ///   - hashes: `stored.hashCount` hashes of 16 bytes.
  ///   - slots: room for 256 slot numbers.
  ///
  /// Throws `.truncated`, `.malformed`, `.outOfRange`; `refs` are then undefined.
  static func decode(
    _ columns: UnsafeRawBufferPointer, of stored: StoredNodeHeader,
    hashes: UnsafeRawBufferPointer, slots: UnsafeMutablePointer<UInt8>,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    var reader = ColumnReader(columns)
    let shape = try reader.byte()
    guard shape < 2 * noHighBytes else {
      throw .unknownFlags(what: "node columns", bits: UInt64(shape))
    }
    try decodeSlots(from: &reader, count: stored.count, into: slots)
    let count = try decodeForms(
      from: &reader, of: stored, hasOneForm: shape & oneForm != 0, slots: slots, into: refs)
    guard count == stored.hashCount, hashes.count == count * 16 else {
      throw .malformed(what: "node hash count")
    }
    if count > 0 {
      try decodeHashes(hashes, slots: slots, count: count, into: refs)
      try decodeLengths(from: &reader, shape: shape, slots: slots, count: count, into: refs)
      try decodeNames(from: &reader, shape: shape, slots: slots, count: count, into: refs)
      try decodeOffsets(from: &reader, shape: shape, slots: slots, count: count, into: refs)
    }
    guard reader.isAtEnd else { throw .malformed(what: "node columns") }
  }

  private static func decodeSlots(
    from reader: inout ColumnReader, count: Int, into slots: UnsafeMutablePointer<UInt8>
  ) throws(FormatError) {
    if count == NodeCodec.slotCount {
      for slot in 0..<count { slots[slot] = UInt8(truncatingIfNeeded: slot) }
      return
    }
    if count <= listedSlotCountMax {
      let list = try reader.bytes(count)
      for index in 0..<count {
        slots[index] = list[index]
        guard index == 0 || list[index] > list[index - 1] else {
          throw .malformed(what: "node slots")
        }
      }
      return
    }
    let bitmap = try reader.bytes(NodeCodec.slotCount / 8)
    var index = 0
    for slot in 0..<NodeCodec.slotCount where bitmap[slot >> 3] >> UInt8(slot & 7) & 1 != 0 {
      guard index < count else { throw .malformed(what: "node slots") }
      slots[index] = UInt8(truncatingIfNeeded: slot)
      index += 1
    }
    guard index == count else { throw .malformed(what: "node slots") }
  }

  /// Sets listed holes, gives the other listed slots their form, and moves these to the front of
  /// `slots`; returns how many they are.
  private static func decodeForms(
    from reader: inout ColumnReader, of stored: StoredNodeHeader, hasOneForm: Bool,
    slots: UnsafeMutablePointer<UInt8>, into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) -> Int {
    let forms = try reader.bytes(hasOneForm ? min(1, stored.count) : stored.count)
    var present = 0
    var known = FrameForm.hole
    for index in 0..<stored.count {
      let form = FrameForm(rawValue: forms[hasOneForm ? 0 : index])
      let slot = slots[index]
      refs[Int(slot)] = .hole
      if form == .hole { continue }
      if form != known {
        guard form.isValid, form.kind == stored.header.childKind else {
          throw .outOfRange(what: "frame form", value: UInt64(form.rawValue), limit: 0x4F)
        }
        known = form
      }
      refs[Int(slot)].locator.lengthAndForm = UInt32(form.rawValue) << 24
      slots[present] = slot
      present += 1
    }
    return present
  }

  private static func decodeHashes(
    _ hashes: UnsafeRawBufferPointer, slots: UnsafeMutablePointer<UInt8>, count: Int,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    var hasZero = false
    for index in 0..<count {
      let hash = PageHash(
        low: hashes.integer(at: 16 &* index), high: hashes.integer(at: 16 &* index &+ 8))
      hasZero = hasZero || hash.low | hash.high == 0
      refs[Int(slots[index])].hash = hash
    }
    if hasZero { throw .malformed(what: "node hash") }
  }

  private static func decodeLengths(
    from reader: inout ColumnReader, shape: UInt8, slots: UnsafeMutablePointer<UInt8>, count: Int,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    for plane in 0..<3 where shape & planeFlag(plane) == 0 {
      let bytes = try reader.bytes(count)
      for index in 0..<count {
        refs[Int(slots[index])].locator.lengthAndForm |= UInt32(bytes[index]) << (8 * plane)
      }
    }
    for index in 0..<count where refs[Int(slots[index])].locator.storedByteCount == 0 {
      throw .malformed(what: "stored byte count")
    }
  }

  private static func decodeNames(
    from reader: inout ColumnReader, shape: UInt8, slots: UnsafeMutablePointer<UInt8>, count: Int,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    let name = FrameName(rawValue: try reader.integer())
    try SegmentID.check(name.segment.rawValue)
    refs[Int(slots[0])].locator.name = name
    refs[Int(slots[0])].locator.offset = try reader.integer()
    if shape & namesPredicted != 0 {
      guard Int(name.ordinal) + count <= 1 << FrameName.ordinalBitCount else {
        throw .malformed(what: "frame ordinal")
      }
      for index in 1..<count {
        refs[Int(slots[index])].locator.name.rawValue = name.rawValue &+ UInt64(index)
      }
      return
    }
    var segment = Int64(name.segment.rawValue)
    for index in 1..<count {
      segment &+= try reader.signedVarint()
      guard segment > 0 else { throw .malformed(what: "segment id") }
      try SegmentID.check(UInt64(segment))
      refs[Int(slots[index])].locator.name.rawValue = UInt64(segment) << 24
    }
    var ordinal = Int64(name.ordinal)
    for index in 1..<count {
      ordinal &+= try reader.signedVarint() &+ 1
      guard ordinal >= 0, ordinal < 1 << FrameName.ordinalBitCount else {
        throw .malformed(what: "frame ordinal")
      }
      refs[Int(slots[index])].locator.name.rawValue |= UInt64(ordinal)
    }
  }

  private static func decodeOffsets(
    from reader: inout ColumnReader, shape: UInt8, slots: UnsafeMutablePointer<UInt8>, count: Int,
    into refs: UnsafeMutablePointer<Ref>
  ) throws(FormatError) {
    var end = Int64(refs[Int(slots[0])].locator.end)
    for index in 1..<count {
      let slot = Int(slots[index])
      let difference = shape & offsetsPredicted != 0 ? 0 : try reader.signedVarint()
      guard let offset = UInt32(exactly: end &+ difference) else {
        throw .malformed(what: "frame offset")
      }
      refs[slot].locator.offset = offset
      end = Int64(refs[slot].locator.end)
    }
  }
}

/// The columns of a node: which slots follow, and where their frames lie.
///
/// They predict that frames lie one behind the other in the order of their slots, as a seal and an
/// import write them; what is as predicted takes no bytes.
///
///     shape u8              1 names, 2 offsets are all as predicted; 4 one form for all;
///                           8 middle bytes, 16 high bytes of lengths are all zero
///     slots                 256: nothing; at most 32: a byte each, ascending; else a bitmap, 32
///     form                  one, or a byte for each slot; 0 is a hole
///     and if there is a slot that is no hole, for these
///     stored byte count     low bytes, middle bytes (unless 8), high bytes (unless 16)
///     first name u64   first offset u32
///     and for each but the first
///     segment               signed varint of the difference to the one before } unless 1
///     ordinal               signed varint of the difference to the one after  }
///     offset                signed varint of the difference to the end before   unless 2
struct NodeColumns {
  /// Shape, slots, forms, first, and varints of 6, 4 and 5 bytes and lengths of 3.
  static let byteCountMax = 1 + 32 + 256 + 12 + 256 * (6 + 4 + 5 + 3)

  static let namesPredicted: UInt8 = 1
  static let offsetsPredicted: UInt8 = 2
  static let oneForm: UInt8 = 4
  static let noMiddleBytes: UInt8 = 8
  static let noHighBytes: UInt8 = 16
  static let listedSlotCountMax = 32
}

// Encoding. All work is on memory that the codec owns; nothing here allocates.
extension NodeColumns {
  /// Writes the columns of the `count` `slots` of `refs`, ascending, to `target`, which has
  /// `byteCountMax` bytes; returns their byte count.
  static func encode(
    refs: UnsafePointer<Ref>, slots: UnsafePointer<UInt8>, count: Int,
    to target: UnsafeMutableRawPointer
  ) -> Int {
    var writer = ColumnWriter(target)
    let shape = shape(refs: refs, slots: slots, count: count)
    writer.append(shape)
    appendSlots(slots, count: count, to: &writer)
    if shape & oneForm != 0 {
      if count > 0 { writer.append(refs[Int(slots[0])].locator.form.rawValue) }
    } else {
      for index in 0..<count { writer.append(refs[Int(slots[index])].locator.form.rawValue) }
    }
    for plane in 0..<3 where shape & planeFlag(plane) == 0 {
      for index in 0..<count {
        let ref = refs[Int(slots[index])]
        if ref.isHole { continue }
        writer.append(UInt8(truncatingIfNeeded: ref.locator.storedByteCount >> (8 * plane)))
      }
    }
    appendPlaces(refs: refs, slots: slots, count: count, shape: shape, to: &writer)
    return writer.byteCount
  }

  static func planeFlag(_ plane: Int) -> UInt8 {
    plane == 0 ? 0 : plane == 1 ? noMiddleBytes : noHighBytes
  }

  static func shape(
    refs: UnsafePointer<Ref>, slots: UnsafePointer<UInt8>, count: Int
  ) -> UInt8 {
    var shape = namesPredicted | offsetsPredicted | oneForm | noMiddleBytes | noHighBytes
    var previous = Locator.hole
    for index in 0..<count {
      let locator = refs[Int(slots[index])].locator
      if locator.form != refs[Int(slots[0])].locator.form { shape &= ~oneForm }
      if locator.form == .hole { continue }
      if locator.storedByteCount > 0xFF { shape &= ~noMiddleBytes }
      if locator.storedByteCount > 0xFFFF { shape &= ~noHighBytes }
      if previous.form != .hole {
        if locator.name.rawValue != previous.name.rawValue &+ 1 { shape &= ~namesPredicted }
        if UInt64(locator.offset) != previous.end { shape &= ~offsetsPredicted }
      }
      previous = locator
    }
    return shape
  }

  static func appendSlots(
    _ slots: UnsafePointer<UInt8>, count: Int, to writer: inout ColumnWriter
  ) {
    if count == NodeCodec.slotCount { return }
    if count <= listedSlotCountMax {
      for index in 0..<count { writer.append(slots[index]) }
      return
    }
    var bitmap: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    withUnsafeMutableBytes(of: &bitmap) { bitmap in
      for index in 0..<count { bitmap[Int(slots[index] >> 3)] |= 1 << (slots[index] & 7) }
      for byte in bitmap { writer.append(byte) }
    }
  }

  static func appendPlaces(
    refs: UnsafePointer<Ref>, slots: UnsafePointer<UInt8>, count: Int, shape: UInt8,
    to writer: inout ColumnWriter
  ) {
    guard let first = (0..<count).first(where: { !refs[Int(slots[$0])].isHole }) else { return }
    let start = refs[Int(slots[first])].locator
    writer.append(start.name.rawValue)
    writer.append(start.offset)
    for column in 0..<3 {
      if shape & (column < 2 ? namesPredicted : offsetsPredicted) != 0 { continue }
      var previous = start
      for index in first + 1..<count {
        let ref = refs[Int(slots[index])]
        if ref.isHole { continue }
        let locator = ref.locator
        switch column {
        case 0:
          writer.append(
            signedVarint: Int64(locator.name.segment.rawValue)
              &- Int64(previous.name.segment.rawValue))
        case 1:
          writer.append(
            signedVarint: Int64(locator.name.ordinal) &- Int64(previous.name.ordinal) &- 1)
        default:
          writer.append(signedVarint: Int64(locator.offset) &- Int64(previous.end))
        }
        previous = locator
      }
    }
  }
}

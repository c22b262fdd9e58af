internal import CoppiceFormat

/// Sixteen bits for every frame, by name: who refers to it.
final class FrameMasks {
  private final class Masks {
    var values: [UInt16] = []
  }

  private var segments: [SegmentID: Masks] = [:]

  subscript(name: FrameName) -> UInt16 {
    guard let masks = segments[name.segment], Int(name.ordinal) < masks.values.count else {
      return 0
    }
    return masks.values[Int(name.ordinal)]
  }

  /// Adds bits to a frame's; returns whether one of them was not set yet.
  @discardableResult
  func insert(_ bits: UInt16, _ name: FrameName) -> Bool {
    let masks: Masks
    if let known = segments[name.segment] {
      masks = known
    } else {
      masks = Masks()
      segments[name.segment] = masks
    }
    let ordinal = Int(name.ordinal)
    if ordinal >= masks.values.count {
      let missing = ordinal + 1 - masks.values.count
      masks.values.append(contentsOf: repeatElement(0, count: max(missing, masks.values.count)))
    }
    let old = masks.values[ordinal]
    masks.values[ordinal] = old | bits
    return old | bits != old
  }
}

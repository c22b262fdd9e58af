internal import Coppice
internal import CoppiceFormat
internal import CoppiceServer

/// A node of a manifest with its refs.
struct NodeInspection: Reply {
  struct Slot: Encodable {
    var slot: Int
    var hash: String
    var name: String
    var offset: UInt32
    var storedByteCount: Int
    var form: String
  }

  var name: String
  var kind: String
  var level: UInt8
  var firstKey: UInt64
  var byteCount: UInt64
  var modified: String
  var id: String
  /// The full node that this one is stored as a difference to.
  var base: String?
  /// Without holes.
  var slots: [Slot]

  init(_ name: FrameName, _ store: StoreFiles) throws(StoreError) {
    let (stored, locator) = try NodeInspection.frame(name, store)
    let kind = locator.form.kind
    guard kind == .volumeNode || kind == .tableNode else {
      throw StoreError(
        .invalid, "is no node but: \(locator.form.text)", object: "frame \(name.text)")
    }
    let codec = NodeCodec()
    var refs = [Ref](repeating: .hole, count: NodeCodec.slotCount)
    let header: NodeHeader
    if locator.form.encoding == .overridesOnBase {
      let baseName = try StoreFiles.decoding("frame \(name.text)") { () throws(FormatError) in
        try stored.withUnsafeBufferPointer { bytes throws(FormatError) in
          try NodeCodec.baseLocator(of: UnsafeRawBufferPointer(bytes))
        }
      }.name
      base = baseName.text
      let (storedBase, _) = try NodeInspection.frame(baseName, store)
      _ = try NodeInspection.decode(storedBase, baseName, &refs, codec, isFull: true)
      header = try NodeInspection.decode(stored, name, &refs, codec, isFull: false)
    } else {
      header = try NodeInspection.decode(stored, name, &refs, codec, isFull: true)
    }
    self.name = name.text
    self.kind = header.kind == .tableNode ? "table" : "volume"
    level = header.level
    firstKey = header.firstKey
    byteCount = header.byteCount
    modified = RFC3339.text(nanoseconds: header.modified)
    id = header.id.text
    slots = refs.enumerated().filter { !$0.element.isHole }.map { slot, ref in
      Slot(
        slot: slot, hash: ref.hash.text, name: ref.locator.name.text, offset: ref.locator.offset,
        storedByteCount: ref.locator.storedByteCount, form: ref.locator.form.text)
    }
  }

  private static func frame(
    _ name: FrameName, _ store: StoreFiles
  ) throws(StoreError) -> ([UInt8], Locator) {
    let segment = try SegmentInspection(name.segment, store, lists: false)
    guard let locator = segment.locator(of: name) else {
      throw StoreError(.notFound, "no such frame", object: "frame \(name.text)")
    }
    let bytes = try store.bytes(
      of: SegmentInspection.path(name.segment), at: UInt64(locator.offset),
      count: locator.storedByteCount)
    return (bytes, locator)
  }

  private static func decode(
    _ stored: [UInt8], _ name: FrameName, _ refs: inout [Ref], _ codec: NodeCodec, isFull: Bool
  ) throws(StoreError) -> NodeHeader {
    try StoreFiles.decoding("node \(name.text)") { () throws(FormatError) in
      try stored.withUnsafeBufferPointer { bytes throws(FormatError) in
        try refs.withUnsafeMutableBufferPointer { refs throws(FormatError) in
          guard let target = refs.baseAddress else { throw .malformed(what: "node") }
          let bytes = UnsafeRawBufferPointer(bytes)
          return isFull
            ? try codec.decodeFull(bytes, into: target)
            : try codec.decodeOverrides(bytes, baseRefs: target, into: target)
        }
      }
    }
  }

  var text: String {
    var text = "node \(name): \(kind), level \(level), first key \(firstKey)"
    if let base { text += ", stored on \(base)" }
    text += "\nid \(id)\n\(byteCount) bytes, modified \(modified)\n\n"
    var table = TextTable(
      ("slot", .right), ("frame", .left), ("offset", .right), ("bytes", .right), ("form", .left),
      ("hash", .left))
    for slot in slots {
      table.add(
        "\(slot.slot)", slot.name, "\(slot.offset)", "\(slot.storedByteCount)", slot.form,
        slot.hash)
    }
    return text + table.text
  }
}

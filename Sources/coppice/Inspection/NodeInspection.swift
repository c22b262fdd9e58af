internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppiceServer

/// A node of a manifest with its refs.
struct NodeInspection: Reply, Decodable {
  struct Slot: Codable {
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
  var modifiedAt: Timestamp
  var id: String
  /// The full node that this one is stored as a difference to.
  var base: String?
  /// Without holes.
  var slots: [Slot]

  init(_ name: FrameName, _ inspector: StoreInspector) throws(StoreError) {
    let node = try inspector.node(name)
    let header = node.header
    self.name = name.description
    kind = header.kind == .tableNode ? "table" : "volume"
    level = header.level
    firstKey = header.firstKey
    byteCount = header.byteCount
    modifiedAt = Timestamp(nanoseconds: header.modified)
    id = header.id.text
    base = node.base?.name.description
    slots = node.refs.map { slot in
      let locator = slot.ref.locator
      return Slot(
        slot: slot.index, hash: slot.ref.hash.text, name: locator.name.description,
        offset: locator.offset, storedByteCount: locator.storedByteCount,
        form: locator.form.text)
    }
  }

  var text: String {
    var text = "node \(name): \(kind), level \(level), first key \(firstKey)"
    if let base { text += ", stored on \(base)" }
    text += "\nid \(id)\n\(byteCount) bytes, modified \(modifiedAt)\n\n"
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

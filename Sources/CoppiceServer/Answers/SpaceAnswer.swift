internal import Coppice

/// Who holds a store's bytes, as answers have it.
package struct SpaceAnswer: Codable, Sendable {
  package struct Part: Codable, Sendable {
    package var holder: String
    package var name: String?
    package var segment: UInt64?
    package var byteCount: UInt64

    init(_ part: SpaceUsage.Part) {
      holder = part.holder.rawValue
      name = part.name
      segment = part.segment
      byteCount = part.byteCount
    }
  }

  package var time: String
  package var storedByteCount: UInt64
  package var exclusiveByteCount: UInt64
  package var sharedByteCount: UInt64
  package var garbageByteCount: UInt64
  package var metadataByteCount: UInt64
  package var unsealedByteCount: UInt64
  package var baseByteCount: UInt64
  package var parts: [Part]

  init(_ usage: SpaceUsage) {
    time = RFC3339.text(usage.time)
    storedByteCount = usage.storedByteCount
    exclusiveByteCount = usage.exclusiveByteCount
    sharedByteCount = usage.sharedByteCount
    garbageByteCount = usage.garbageByteCount
    metadataByteCount = usage.metadataByteCount
    unsealedByteCount = usage.unsealedByteCount
    baseByteCount = usage.baseByteCount
    parts = usage.parts.map(Part.init)
  }
}

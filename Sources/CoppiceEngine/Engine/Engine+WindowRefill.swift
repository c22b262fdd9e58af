internal import CoppiceFormat
internal import CoppicePlatform

extension Engine {
  /// Fills the dedup window from the newest segments' directories, newest first, until it has seen
  /// as many frames as it has places. Hints only: what cannot be read is passed over.
  ///
  /// Reads directories, no pages. Returns once done, or when `isWanted` says no.
  package func refillWindow(while isWanted: () -> Bool = { true }) {
    var room = window.capacity
    let entries = keeper.read { kept in kept.catalogue.segments.values.sorted { $0.id > $1.id } }
    for entry in entries {
      guard room > 0, isWanted() else { return }
      // A segment that cannot be read, for whatever reason, gives no hints.
      guard let directory = try? directory(entry) else { continue }
      for (ordinal, place) in directory.places.enumerated()
      where place.form.kind == .page && !place.form.isDerived {
        // A host's frames bear the names that they had at home.
        let name =
          directory.homes.isEmpty
          ? FrameName(segment: entry.id, ordinal: UInt32(ordinal)) : directory.homes[ordinal]
        window.offer(hashPrefix: place.hashPrefix, name)
      }
      room -= directory.places.count
    }
  }
}

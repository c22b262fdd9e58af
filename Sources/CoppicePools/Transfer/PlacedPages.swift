internal import CoppiceFormat
internal import Synchronization

/// Where pages of one place are in another, as far as that is known: by name, and by content for
/// what was sent before. Bounded: what is forgotten is copied once more. Thread-safe.
final class PlacedPages: Sendable {
  private static let countMax = 1 << 20

  private struct State: Sendable {
    var names: [FrameName: Ref] = [:]
    var hashes: [PageHash: Ref] = [:]
  }

  private let state = Mutex(State())

  func ref(of page: Ref) -> Ref? {
    state.withLock { state in
      // What was read as a base may have been damaged where nobody looked.
      if let known = state.names[page.locator.name], known.hash == page.hash { return known }
      return state.hashes[page.hash]
    }
  }

  /// As above, if it is stored in full there.
  func fullRef(of page: Ref) -> Ref? {
    ref(of: page).flatMap { $0.locator.form.isDerived ? nil : $0 }
  }

  /// What a page is by its name alone.
  func ref(of name: FrameName) -> Ref? { state.withLock { $0.names[name] } }

  func note(_ ref: Ref, of page: Ref) { note(ref, of: page.locator.name) }

  func note(_ ref: Ref, of name: FrameName) {
    state.withLock { state in
      if state.names.count >= Self.countMax { state.names = [:] }
      state.names[name] = ref
    }
  }

  /// Notes a page that is found by its content.
  func note(_ ref: Ref) {
    state.withLock { state in
      if state.hashes.count < Self.countMax { state.hashes[ref.hash] = ref }
    }
  }
}

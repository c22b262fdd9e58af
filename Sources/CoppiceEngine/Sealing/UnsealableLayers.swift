internal import CoppiceFormat
internal import CoppicePlatform

/// Layers that could not be sealed because something they need is damaged.
///
/// Such a layer stays in RAM and in the journal. It is not tried again by itself as long as it lies
/// on the same root, so that it keeps no other from being sealed; a seal of everything or of its
/// branch tries again, and whatever seals does after a check or a scrub. Thread-safe.
final class UnsealableLayers: @unchecked Sendable {
  private struct Failure {
    weak let layer: Layer?
    var root: Ref
    var error: StoreError
    /// Whether an unreadable page of the layer was all that was found: writes above it heal that.
    var isHealable: Bool
  }

  private let monitor = Monitor()
  // Guarded by `monitor`.
  private var failures: [ObjectIdentifier: Failure] = [:]
  private var hasLost = false

  func note(_ layer: Layer, on root: Ref, _ error: StoreError, isHealable: Bool) {
    monitor.withLock {
      failures = failures.filter { $0.value.layer != nil }
      failures[ObjectIdentifier(layer)] = Failure(
        layer: layer, root: root, error: error, isHealable: isHealable)
    }
  }

  /// Whether opening left volumes out of some layer.
  var hasLostVolumes: Bool { monitor.withLock { hasLost } }
  func noteLostVolumes() { monitor.withLock { hasLost = true } }

  var isEmpty: Bool { monitor.withLock { failures.isEmpty } }

  /// What the layer on that root failed with.
  func failure(of layer: Layer, on root: Ref) -> (error: StoreError, isHealable: Bool)? {
    monitor.withLock {
      guard let failure = failures[ObjectIdentifier(layer)], failure.layer === layer,
        failure.root == root
      else { return nil }
      return (failure.error, failure.isHealable)
    }
  }

  func forgetAll() { monitor.withLock { failures = [:] } }
}

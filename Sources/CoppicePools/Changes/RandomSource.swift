internal import Synchronization

/// Random numbers that a whole process takes from one generator, so that none comes twice.
package final class RandomSource: RandomNumberGenerator, Sendable {
  private let generator: Mutex<any RandomNumberGenerator & Sendable>

  /// - Parameter generator: what nonces and salts come from: the system's, but in tests.
  package init(_ generator: sending any RandomNumberGenerator & Sendable) {
    self.generator = Mutex(generator)
  }

  package func next() -> UInt64 { generator.withLock { $0.next() } }
}

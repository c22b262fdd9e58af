internal import Coppice

extension InstanceWishes {
  /// Throws `invalid` for a port that instances may not have.
  func verifyPort(in range: ClosedRange<Int>) throws(StoreError) {
    guard let port, !range.contains(port) else { return }
    throw StoreError(
      .invalid,
      "is none of the ports for instances, \(range.lowerBound)-\(range.upperBound)",
      object: "port \(port)",
      remedy: "choose one of them, or start the server with other --pg-ports")
  }
}

package import CoppiceErrors
package import CoppiceLifecycle

extension Principal {
  /// The one check that every request passes: whether who asks has the rights that it needs.
  /// Throws `denied`.
  ///
  /// A pure function. There are only administrators yet, and they may do everything.
  package func check(_ access: Access) throws(StoreError) {
    switch role {
    case .administrator: return
    case .baselineOwner, .developer, .ci, .operator, .auditor:
      throw StoreError(
        .denied, "only administrators are served yet",
        object: access.claims.first.map { $0.verb.rawValue } ?? "",
        remedy: "ask as the user that runs the server")
    }
  }
}

internal import CoppiceErrors
internal import CoppiceFormat

extension PoolSighting {
  /// Why the object cannot be what the store last wrote there, or `nil` if it can. A read that is
  /// late shows the same, so whoever sees this reads again, and stops if it stays.
  ///
  /// - Parameters:
  ///   - revision: of what was read; `nil` where nothing was there.
  ///   - member: the store's own number.
  func contradiction(
    _ revision: PoolRevision?, of member: PoolMemberNumber, in name: PoolObjectName
  ) -> StoreError? {
    guard let revision else {
      return sequence == 0 ? nil : old(name, "it is gone, and was there before")
    }
    guard revision.sequence >= sequence else {
      return old(name, "its sequence is \(revision.sequence), and \(sequence) was seen before")
    }
    guard revision.sequence > sequence || revision.nonce == nonce else {
      return old(name, "its sequence \(sequence) was seen with another content")
    }
    // With all places taken a receipt may have had to go.
    let isKept = revision.receipts.count < PoolRevision.receiptCountMax
    let receipt = revision.attempt(of: member) ?? (isKept ? PoolAttempt(0) : answered)
    guard receipt >= answered else {
      return old(name, "it lacks the change \(answered.rawValue), which was answered")
    }
    return nil
  }

  private func old(_ name: PoolObjectName, _ cause: String) -> StoreError {
    StoreError(
      .unavailable, "the object store shows an older state than before, or lost a change",
      object: name.key,
      remedy: """
        if the bucket was set back or its store changed, write nothing more to the pool: every \
        member would overwrite what others have
        """, cause: cause, reason: .oldObject)
  }
}

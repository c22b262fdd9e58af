/// Whether a failure is damage.
extension StoreError {
  /// The system lacked something for a moment, such as descriptors or memory, or it refuses. That
  /// is no damage, and nothing to remember: whoever would drop, skip or store anew what cannot be
  /// read gives up instead. A read that fails with `EIO` does say something.
  var saysNothingOfContent: Bool { reason == .passing || kind == .denied }
}

/// What was read; `nil` where it is damaged or missing. Throws what says nothing of what is stored.
func readable<Value>(_ read: @autoclosure () throws(StoreError) -> Value) throws(StoreError)
  -> Value?
{
  do throws(StoreError) { return try read() } catch {
    if error.saysNothingOfContent { throw error }
    return nil
  }
}

/// As above; also `nil` where there is nothing.
func readable<Value>(_ read: @autoclosure () throws(StoreError) -> Value?) throws(StoreError)
  -> Value?
{
  do throws(StoreError) { return try read() } catch {
    if error.saysNothingOfContent { throw error }
    return nil
  }
}

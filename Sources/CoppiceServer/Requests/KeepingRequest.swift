internal import Coppice
internal import CoppiceLifecycle

/// A request that deletes what no keep rule keeps.
package protocol KeepingRequest: StoreRequest {
  var keepLast: Int? { get set }
  var keepHourly: Int? { get set }
  var keepDaily: Int? { get set }
  var keepWeekly: Int? { get set }
  var keepMonthly: Int? { get set }
  var keepYearly: Int? { get set }
  var keepWithinSeconds: UInt64? { get set }
}

extension KeepingRequest {
  /// - Parameter object: what it is about, for messages.
  ///
  /// Throws `invalid` where there is no rule, and for one that cannot be meant.
  func rules(for object: String) throws(StoreError) -> KeepRules {
    var rules = KeepRules()
    rules.last = keepLast ?? 0
    rules.hourly = keepHourly ?? 0
    rules.daily = keepDaily ?? 0
    rules.weekly = keepWeekly ?? 0
    rules.monthly = keepMonthly ?? 0
    rules.yearly = keepYearly ?? 0
    rules.within = try keepWithinSeconds.map { seconds throws(StoreError) in
      try TimeSpan(of: seconds, object)
    }
    try rules.validate()
    return rules
  }
}

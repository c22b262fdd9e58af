internal import ArgumentParser
internal import CoppiceLifecycle
internal import CoppiceServer

/// The rules of what is kept.
struct KeepArguments: ParsableArguments {
  @Option(name: .long, parsing: .unconditional, help: "The newest ones.")
  var keepLast: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each hour.")
  var keepHourly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each day.")
  var keepDaily: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each week.")
  var keepWeekly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each month.")
  var keepMonthly: Int?

  @Option(name: .long, parsing: .unconditional, help: "The newest of each year.")
  var keepYearly: Int?

  @Option(name: .long, help: "All that are less than this older than the newest.")
  var keepWithin: TimeSpan?

  func apply(to request: inout some KeepingRequest) {
    request.keepLast = keepLast
    request.keepHourly = keepHourly
    request.keepDaily = keepDaily
    request.keepWeekly = keepWeekly
    request.keepMonthly = keepMonthly
    request.keepYearly = keepYearly
    request.keepWithinSeconds = keepWithin?.seconds
  }
}

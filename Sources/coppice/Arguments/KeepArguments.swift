internal import ArgumentParser
internal import CoppiceLifecycle

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
}

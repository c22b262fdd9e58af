internal import ArgumentParser
internal import CoppiceLifecycle
internal import Coppice
internal import CoppiceServer

/// When what is made ends by itself, whose it is, and what is said of it.
struct TermsArguments: ParsableArguments {
  @Option(name: .long, help: "How long it lives: 90s, 15m, 2h, 3d, 2w. Default: for ever.")
  var ttl: TimeSpan?

  @Option(name: .long, help: "When it ends, as 2026-11-23T03:10:00Z.")
  var expires: TimeArgument?

  @Option(name: .long, help: "How often it is to be renewed; it expires when it is not.")
  var lease: TimeSpan?

  @Option(name: .long, help: "Whose it is. Default: whoever asks.")
  var owner: String?

  @Option(
    name: .long,
    help: ArgumentHelp("What else is said of it, KEY=VALUE; may come often.", valueName: "label"))
  var label: [String] = []

  func validate() throws {
    guard ttl == nil || expires == nil else {
      throw ValidationError("write --ttl or --expires, not both")
    }
  }

  var terms: RequestedTerms {
    RequestedTerms(
      ttlSeconds: ttl?.seconds, expiresAt: expires?.time, leaseSeconds: lease?.seconds,
      owner: owner, labels: label)
  }
}

/// A time by RFC 3339, in UTC.
struct TimeArgument: ExpressibleByArgument {
  var time: Timestamp

  init?(argument: String) {
    guard let time = Timestamp(argument) else { return nil }
    self.time = time
  }

  var defaultValueDescription: String { time.description }
}

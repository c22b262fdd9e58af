internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct BranchCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a branch of another branch, of a snapshot, or empty.",
    discussion: """
      A branch of one that is in use is what a power cut at this moment would leave of it: \
      databases recover from that. With --postgres it is fit for a server of its own: \
      postmaster.pid is removed, and links to tablespaces and log, also those that the \
      tablespace_map of a base backup announces, lead to its own copies. Where it has none the \
      branch is not made (status 6): a server would write to the original's. With --keep-links it \
      is, and these are told.

      A branch lies in the trust domain of its source. An empty one lies in raw, or where --domain \
      or --class says: see 'coppice domain --help'.

      With an end it expires then: it is stopped and hidden, and deleted a day later, by the \
      store's server. 'coppice branch renew' gives it more time. With --or-existing a branch of \
      that name that was made from the same is taken and renewed, with --or-reset it is given the \
      state of what it was made from as well; one that was made from something else is a conflict.

      JSON: \(BranchCreateRequest.keys). from is null for an empty branch.

      Examples:
        coppice branch create experiment --from main@monday
        coppice branch create pr-42 --from main --or-existing --ttl 3d --label team=billing
        coppice branch create trial --from main --postgres
      """)

  @OptionGroup var options: StoreArguments

  @OptionGroup var domainOptions: DomainOptions

  @Argument(help: "The new branch's name.")
  var name: String

  @Option(name: .long, help: "The branch or snapshot to start from. Default: empty.")
  var from: String?

  @OptionGroup var terms: TermsArguments

  @Option(
    name: .long,
    help: ArgumentHelp(
      "What the branch and its snapshots may add. \(ByteCount.help)", valueName: "size"))
  var maxStored: ByteCount?

  @Flag(name: .long, help: "Take a branch that exists and was made from the same, and renew it.")
  var orExisting = false

  @Flag(name: .long, help: "As --or-existing, and reset it to what it was made from.")
  var orReset = false

  @Flag(name: .long, help: "With --or-reset: also while files of the branch are open.")
  var force = false

  @Flag(name: .long, help: "First write what the kernel holds back of files in a mount.")
  var sync = false

  @Flag(name: .long, help: "Make PostgreSQL's data directories fit for a server of their own.")
  var postgres = false

  @Flag(name: .long, help: "With --postgres: keep links that lead out of the branch.")
  var keepLinks = false

  func validate() throws {
    guard from != nil || !(sync || postgres) else {
      throw ValidationError("--sync and --postgres need --from")
    }
    guard !(orExisting && orReset) else {
      throw ValidationError("write --or-existing or --or-reset, not both")
    }
    guard orReset || !force else { throw ValidationError("--force needs --or-reset") }
    guard from != nil || !orReset else { throw ValidationError("--or-reset needs --from") }
    guard postgres || !keepLinks else { throw ValidationError("--keep-links needs --postgres") }
  }

  func run() throws {
    var terms = terms.terms
    terms.maxStoredByteCount = maxStored?.value
    try options.print(
      try options.perform(
        BranchCreateRequest(
          name: name, from: from, domain: domainOptions.name, orExisting: orExisting,
          orReset: orReset, force: force, terms: terms, sync: sync, postgres: postgres,
          keepLinks: keepLinks)))
  }
}

extension BranchCreateRequest.Answer: Reply {
  var text: String {
    let name = Output.printable(report.name)
    let terms = report.terms.isEmpty ? "" : ", \(report.terms)"
    let origin = addition.from.map { "from \(Output.printable($0))" } ?? "empty"
    let expired = addition.wasExpired ? ", and had expired" : ""
    let made =
      if addition.isNew {
        "Made \(name), \(origin)"
      } else if addition.isReset {
        "Reset \(name), \(origin)\(expired)"
      } else {
        "\(name) exists\(expired)"
      }
    let lines = addition.notes.map { "  note: \(Output.printable($0))\n" }.joined()
    return "\(made)\(terms)\n\(lines)"
  }
}

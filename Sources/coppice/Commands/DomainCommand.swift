internal import ArgumentParser
internal import Coppice
internal import CoppiceServer

struct DomainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "domain", abstract: "Make and list trust domains.",
    discussion: """
      Every branch lies in one trust domain, with its forks and snapshots. Nothing is shared \
      between domains: equal pages are stored once within one, and once more in each other one. \
      A domain has a class, what data it holds: raw, masked, schema, or none (no data of persons), \
      and each class a domain of its name, made at first use. Content gets from one domain into \
      another as a copy only, by 'coppice export' and 'coppice import --domain'.

      Example:
        coppice domain create customer-7
      """,
    subcommands: [DomainCreateCommand.self, DomainListCommand.self])
}

struct DomainCreateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "create", abstract: "Make a trust domain.",
    discussion: """
      Its number was never another domain's. The classes' own, raw, masked, schema and none, need \
      not be made.

      JSON: \(DomainCreateRequest.keys).

      Example:
        coppice domain create customer-7 --class masked
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The new domain's name.")
  var name: String

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp("What data it holds: raw, masked, schema or none.", valueName: "class"))
  var dataClass = ClassArgument(.raw)

  func run() throws {
    try options.print(
      try options.perform(DomainCreateRequest(name: name, class: dataClass.name)))
  }
}

extension DomainAnswer: Reply {
  var text: String {
    "Made \(Output.printable("\(report)")), number \(report.number), "
      + "class \(report.dataClass.rawValue)\n"
  }
}

struct DomainListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the trust domains.",
    discussion: """
      One without a name lost it when 'coppice repair' put the catalogue together: it is raw, and \
      its number stands for it.

      JSON: \(DomainListRequest.keys).

      Example:
        coppice domain list
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(DomainListRequest())) }
}

extension DomainListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("name", .left), ("number", .right), ("class", .left), ("branches", .right))
    for domain in domains {
      table.add(
        "\(domain.report)", "\(domain.number)", domain.dataClass.rawValue,
        "\(domain.branchCount)")
    }
    return table.text
  }
}

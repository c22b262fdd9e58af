internal import ArgumentParser
internal import Coppice

/// In which trust domain a branch is made.
struct DomainOptions: ParsableArguments {
  @Option(
    name: .long, help: "The trust domain of a branch that is made from nothing. Default: raw.")
  var domain: String?

  @Option(
    name: .customLong("class"),
    help: ArgumentHelp(
      "The same as --domain with the domain of a class: raw, masked, schema or none.",
      valueName: "class"))
  var dataClass: ClassArgument?

  func validate() throws {
    guard domain == nil || dataClass == nil else {
      throw ValidationError("write --domain or --class, not both")
    }
  }

  /// The name of the domain that is meant; `nil` where nothing is said.
  var name: String? { domain ?? dataClass?.name }
}

/// A class of data, as it is written.
struct ClassArgument: ExpressibleByArgument {
  var name: String

  init(_ dataClass: DataClass) { name = dataClass.rawValue }

  init?(argument: String) {
    guard let dataClass = DataClass(rawValue: argument) else { return nil }
    self.init(dataClass)
  }

  var defaultValueDescription: String { name }
}

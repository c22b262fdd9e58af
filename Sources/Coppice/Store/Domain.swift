internal import CoppiceEngine
package import CoppiceFormat

/// What data a trust domain holds.
public enum DataClass: String, Sendable, CaseIterable, Codable {
  /// Data as they came; also where nobody said anything else.
  case raw
  /// Data in which what persons could be known by was replaced.
  case masked
  /// Definitions without data.
  case schema
  /// No data of persons.
  case impersonal = "none"

  package init(_ stored: DomainClass) {
    self =
      switch stored {
      case .raw: .raw
      case .masked: .masked
      case .schema: .schema
      case .impersonal: .impersonal
      }
  }

  package var stored: DomainClass {
    switch self {
    case .raw: .raw
    case .masked: .masked
    case .schema: .schema
    case .impersonal: .impersonal
    }
  }
}

/// A trust domain. No stored page, and no difference to one, is shared between domains: branches of
/// different ones have nothing in common but the store's files.
///
/// A branch stays in the domain that it was made in, and so do its forks and snapshots. Content
/// gets into another one only as a copy.
public struct Domain: Hashable, Sendable, Codable, CustomStringConvertible {
  /// No other domain of the store ever had it, or will.
  public var number: UInt32
  /// `nil` for one that lost its setting, as all do when a repair puts the catalogue together.
  public var name: String?
  /// What it is for without a setting: `raw`.
  public var dataClass: DataClass

  /// What stands for the domain wherever one is asked for: the name, and the number where there is
  /// none.
  public var description: String { name ?? "\(number)" }

  /// The name of domain 0, which needs no setting.
  static let standardName = DataClass.raw.rawValue

  private enum CodingKeys: String, CodingKey {
    case number, name
    case dataClass = "class"
  }

  /// From what it is called: a number is nobody's name.
  init(called text: String, number: UInt32, dataClass: DataClass) {
    self.number = number
    name = text == "\(number)" ? nil : text
    self.dataClass = dataClass
  }

  init(_ known: KnownDomain) {
    number = known.id.rawValue
    name = known.id == .standard ? Self.standardName : known.name
    dataClass = DataClass(known.domainClass)
  }
}

/// A number of bytes as people and the program's output write it: `512`, `10G`, `1.5GiB`, `1.50
/// GiB`. Units are powers of 1024.
package struct ByteCount: Hashable, Comparable, Sendable {
  package let value: UInt64

  private static let units = ["", "K", "M", "G", "T", "P", "E"]

  package init(_ value: UInt64) { self.value = value }

  package static func < (a: ByteCount, b: ByteCount) -> Bool { a.value < b.value }
}

/// In the greatest unit of which it is a whole number.
extension ByteCount: LosslessStringConvertible {
  package init?(_ description: String) {
    let digits = description.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = description.dropFirst(digits.count).drop { $0 == " " }.uppercased()
    let power = Self.units.firstIndex { name in
      ([name, name + "IB"] + (name.isEmpty ? ["B"] : [])).contains(unit) && unit != "IB"
    }
    guard let power, let value = Self.value(of: digits, times: 1 << (10 * UInt64(power))) else {
      return nil
    }
    self.value = value
  }

  /// `digits`, with a fraction perhaps, of a unit; rounded to whole bytes.
  private static func value(of digits: Substring, times unit: UInt64) -> UInt64? {
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }), let whole = UInt64(parts[0]) else {
      return nil
    }
    let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
    guard parts.count == 2 else { return overflow ? nil : product }
    guard let fraction = Double("0.\(parts[1])") else { return nil }
    let (sum, isTooLarge) = product.addingReportingOverflow(
      UInt64((fraction * Double(unit)).rounded()))
    return overflow || isTooLarge ? nil : sum
  }

  package var description: String {
    let power = Self.units.indices.last { value > 0 && value % (1 << (10 * UInt64($0))) == 0 } ?? 0
    return power == 0 ? "\(value)" : "\(value >> (10 * UInt64(power)))\(Self.units[power])iB"
  }

  /// What texts are numbers of bytes, for messages.
  package static let form = "a number of bytes as 512, 10G or 1.5GiB"
}

/// As its text.
extension ByteCount: Codable {
  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let count = ByteCount(text) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is not \(Self.form)")
    }
    self = count
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

internal import Coppice
internal import CoppiceErrors

extension Policy {
  /// What the author should know though nothing is wrong with it: rules that can never match.
  package var notes: [String] {
    rules.indices.compactMap { index in
      if let reason = rules[index].contradiction {
        return "\(ruleName(index)) never matches: \(reason)"
      }
      let earlier = rulesBefore(index)
      guard !earlier.isEmpty else { return nil }
      let names = earlier.map { ruleName($0) }.joined(separator: " and ")
      let verb = earlier.count > 1 ? "take" : "takes"
      return "\(ruleName(index)) never matches: \(names) before it \(verb) all that it would"
    }
  }

  /// The rules before one that together match all that it could; none where something is left.
  ///
  /// Each pair of a class and a role is looked at by itself: rules may share them out. Names and
  /// labels that only several rules together cover are not seen.
  private func rulesBefore(_ index: Int) -> [Int] {
    let rule = rules[index]
    var takers: [Int] = []
    for dataClass in rule.classes ?? PolicyRule.allClasses {
      for role in rule.roles ?? Principal.Role.allCases {
        let taker = rules[..<index].firstIndex { earlier in
          earlier.classes?.contains(dataClass) ?? true && earlier.roles?.contains(role) ?? true
            && earlier.coversNames(of: rule) && earlier.coversLabels(of: rule)
        }
        guard let taker else { return [] }
        if !takers.contains(taker) { takers.append(taker) }
      }
    }
    return takers.sorted()
  }
}

extension PolicyRule {
  /// Why it matches nothing, whatever stands before it.
  fileprivate var contradiction: String? {
    if classes == [] { return "its list of classes is empty" }
    if roles == [] { return "its list of roles is empty" }
    if let problem = impossibleLabels { return "no entry has such labels: \(problem)" }
    if let name, let character = name.description.unicodeScalars.first(where: Self.isImpossible) {
      return "no name has the character '\(character.escaped(asASCII: true))'"
    }
    return nil
  }

  /// Why no entry has the labels that it asks for.
  private var impossibleLabels: String? {
    do throws(StoreError) {
      try labels?.validate(of: "")
      return nil
    } catch {
      return error.message
    }
  }

  /// What no name of a branch or snapshot has.
  private static func isImpossible(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F..<0xA0).contains(scalar.value)
      || "/:^~".unicodeScalars.contains(scalar)
  }

  fileprivate func coversNames(of other: PolicyRule) -> Bool {
    guard let name else { return true }
    return name.covers(other.name ?? NamePattern("*"))
  }

  fileprivate func coversLabels(of other: PolicyRule) -> Bool {
    labels.map { (other.labels ?? [:]).contains($0) } ?? true
  }
}

internal import Coppice
internal import CoppiceLifecycle
internal import Testing
internal import TestSupport

/// Which rule holds, and which never can.
@Suite struct PolicyRuleTests {
  private static func policy(_ rules: String...) throws -> Policy {
    let text = #"{"rules": [\#(rules.joined(separator: ", "))]}"#
    return try PolicyDocument(Array(text.utf8)).policy
  }

  @Test(arguments: [
    ("ci-*", "ci-17", true), ("ci-*", "ci-", true), ("ci-*", "Ci-17", false),
    ("ci-*", "my-ci-17", false), ("*-17", "ci-17", true), ("*", "", true), ("?", "", false),
    ("?", "é", true), ("?", "ab", false), ("a*b*c", "abc", true), ("a*b*c", "aXbYbZc", true),
    ("a*b*c", "aXbY", false), ("*a", "aaab", false), ("*aab", "aaaab", true), ("a.c", "abc", false),
    ("[ab]", "a", false), ("[ab]", "[ab]", true), ("main@*", "main@nightly", true),
    ("a**?b", "axb", true), ("a**?b", "ab", false), ("main", "main", true),
    ("main", "main2", false),
  ])
  func `a pattern stands for whole names`(_ pattern: String, name: String, matches: Bool) {
    #expect(NamePattern(pattern).matches(name) == matches)
  }

  @Test func `a pattern of many stars ends soon`() {
    let pattern = NamePattern(String(repeating: "a*", count: 60) + "b")
    #expect(!pattern.matches(String(repeating: "a", count: 200)))
  }

  @Test func `the first rule that matches by all its conditions holds`() throws {
    let policy = try Self.policy(
      #"{"name": "ci-*", "labels": {"team": "a"}, "classes": ["masked"], "roles": ["ci"]}"#,
      #"{"name": "ci-*", "roles": ["ci", "developer"]}"#, #"{"labels": {"keep": "yes"}}"#)
    func index(
      _ name: String, _ labels: Labels = [:], _ dataClass: String = "raw",
      _ role: Principal.Role = .administrator
    ) -> Int? {
      policy.rule(
        for: PolicySubject(name: name, labels: labels, dataClass: dataClass, role: role))?.index
    }
    #expect(index("ci-1", ["team": "a", "more": ""], "masked", .ci) == 0)
    #expect(index("cj-1", ["team": "a"], "masked", .ci) == nil)
    #expect(index("ci-1", ["team": "b"], "masked", .ci) == 1)
    #expect(index("ci-1", [:], "masked", .ci) == 1)
    #expect(index("ci-1", ["team": "a"], "raw", .ci) == 1)
    #expect(index("ci-1", ["team": "a"], "masked", .developer) == 1)
    #expect(index("ci-1", ["team": "a", "keep": "yes"], "masked") == 2)
    #expect(index("ci-1") == nil)
    #expect(policy.ruleName(1) == "rules[1] (name ci-*, role ci or developer)")
    #expect(policy.ruleName(2) == "rules[2] (label keep=yes)")
    #expect(try Self.policy("{}").ruleName(0) == "rules[0]")
  }

  @Test func `labels are told apart by their bytes`() throws {
    let (key, alike) = ("caf\u{E9}", "cafe\u{301}")
    let policy = try Self.policy(#"{"labels": {"\#(key)": "\#(key)"}}"#)
    func matches(_ labels: Labels) -> Bool {
      policy.rule(for: PolicySubject(name: "x", labels: labels)) != nil
    }
    #expect(matches([key: key, "other": ""]))
    #expect(!matches([alike: key]) && !matches([key: alike]))
    let text = #"{"labels": {"\#(key)": "1"}}"#
    let other = #"{"labels": {"\#(alike)": "1"}}"#
    #expect(try Self.policy(text, other).notes == [])
    #expect(try Self.policy(text, text).notes.count == 1)
  }

  @Test func `rules that can never match are told`() throws {
    #expect(
      try Self.policy(#"{"name": "a*"}"#, #"{"name": "ab?"}"#).notes == [
        "rules[1] (name ab?) never matches: rules[0] (name a*) before it takes all that it would"
      ])
    #expect(try Self.policy("{}", #"{"labels": {"a": "b"}}"#).notes.count == 1)
    #expect(
      try Self.policy(
        #"{"roles": ["admin", "ci"]}"#, #"{"classes": ["raw"], "name": "*"}"#,
        #"{"roles": ["ci"], "name": "x"}"#,
        #"{"roles": ["admin", "developer"], "classes": ["raw"]}"#
      ).notes == [
        "rules[2] (name x, role ci) never matches: "
          + "rules[0] (role admin or ci) before it takes all that it would",
        "rules[3] (class raw, role admin or developer) never matches: "
          + "rules[0] (role admin or ci) and rules[1] (name *, class raw) before it take all that "
          + "it would",
      ])
    #expect(
      try Self.policy(#"{"classes": []}"#, #"{"roles": []}"#, #"{"name": "a/*"}"#).notes == [
        "rules[0] (class ) never matches: its list of classes is empty",
        "rules[1] (role ) never matches: its list of roles is empty",
        "rules[2] (name a/*) never matches: no name has the character '/'",
      ])
  }

  @Test(arguments: [
    (#"{"": "x"}"#, "1 to 63 bytes"), (#"{"a=b": "x"}"#, "no '='"),
    (#"{"a\u0007": "x"}"#, "control characters"), (#"{"a": "x\n"}"#, "control characters"),
    (
      #"{"\#(String(repeating: "k", count: 64))": "x"}"#,
      "'\(String(repeating: "k", count: 64))' 64"
    ),
    (#"{"a": "\#(String(repeating: "v", count: 256))"}"#, "at most 255 bytes"),
    (#"{"caf\u00e9": "x", "cafe\u0301": "x"}"#, "in different bytes"),
    (#"{\#((0..<33).map { #""k\#($0)": "x""# }.joined(separator: ","))}"#, "at most 32 labels"),
  ])
  func `a rule for labels that no entry has is told`(labels: String, reason: String) throws {
    let notes = try Self.policy("{\"labels\": \(labels)}", "{}").notes
    #expect(notes.count == 1)
    #expect(notes[0].contains("never matches: no entry has such labels: "), "\(notes[0])")
    #expect(notes[0].contains(reason), "\(notes[0])")
  }

  @Test(arguments: [
    [#"{"name": "ab?"}"#, #"{"name": "a*"}"#, "{}"],
    [#"{"labels": {"a": "b"}}"#, #"{"labels": {"a": "c"}}"#, "{}"],
    [#"{"labels": {"a": "b", "c": "d"}}"#, #"{"labels": {"a": "b"}}"#],
    [#"{"roles": ["ci"]}"#, #"{"classes": ["raw"]}"#, #"{"roles": ["ci", "admin"]}"#],
    [#"{"name": "?*"}"#, #"{"name": "*"}"#], [#"{"name": "x"}"#, #"{"labels": {"a": "b"}}"#],
  ])
  func `rules that can match are not`(_ rules: [String]) throws {
    let text = #"{"rules": [\#(rules.joined(separator: ", "))]}"#
    #expect(try PolicyDocument(Array(text.utf8)).policy.notes == [])
  }

  @Test func `a rule is called useless only if every name that it would match is taken before it`()
    throws
  {
    var random = SplitMix64(seed: 12)
    func pattern(_ alphabet: String) -> String {
      String((0...random.below(5)).map { _ in alphabet.randomElement(using: &random)! })
    }
    var (uselessCount, missedCount) = (0, 0)
    for _ in 0..<2000 {
      let (wide, narrow) = (pattern("ab?*"), pattern("ab?*"))
      let isUseless =
        try !Self.policy(#"{"name": "\#(wide)"}"#, #"{"name": "\#(narrow)"}"#).notes.isEmpty
      var isTaken = true
      for _ in 0..<300 {
        let name = String((0..<random.below(8)).map { _ in "abc".randomElement(using: &random)! })
        if NamePattern(narrow).matches(name), !NamePattern(wide).matches(name) { isTaken = false }
      }
      #expect(!isUseless || isTaken, "\(wide) \(narrow)")
      uselessCount += isUseless ? 1 : 0
      missedCount += isTaken && !isUseless ? 1 : 0
    }
    #expect(uselessCount > 200)
    // Those whose names no random one happened to be, mostly.
    #expect(missedCount < uselessCount / 2)
  }
}

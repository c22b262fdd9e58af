internal import Coppice
internal import CoppicePlatform

extension InstanceWishes {
  /// Throws `invalid` for a port that instances may not have.
  func verifyPort(in range: ClosedRange<Int>) throws(StoreError) {
    guard let port, !range.contains(port) else { return }
    throw StoreError(
      .invalid,
      "is none of the ports for instances, \(range.lowerBound)-\(range.upperBound)",
      object: "port \(port)",
      remedy: "choose one of them, or start the server with other --pg-ports")
  }

  /// Throws `conflict` for an instance that runs and is otherwise: it says how, and what changes
  /// that.
  func verifyIsMet(by record: InstanceRecord, on branch: Branch) throws(StoreError) {
    var differences: [String] = []
    var changes: [String] = []
    for (key, value) in settings.sorted(by: { $0.key < $1.key })
    where record.settings[key] != value {
      differences.append("\(key) is " + (record.settings[key].map { "'\($0)'" } ?? "not set"))
      changes.append(" \(key)=\(value)")
    }
    for key in unset.sorted() where record.settings[key] != nil {
      differences.append("\(key) is set")
      changes.append(" --unset \(key)")
    }
    let others = try identityDifferences(from: record, on: branch)
    guard !(differences + others).isEmpty else { return }
    let name = branch.name
    throw StoreError(
      .conflict,
      "its instance runs, and is otherwise: " + (others + differences).joined(separator: ", "),
      object: name,
      remedy: others.isEmpty
        ? "change that by `coppice pg set \(name)\(changes.joined())`"
        : "stop it with `coppice pg stop \(name)`, and start it as it is to be",
      reason: .exists)
  }

  /// In what only an instance that starts can be given.
  private func identityDifferences(
    from record: InstanceRecord, on branch: Branch
  ) throws(StoreError) -> [String] {
    var differences: [String] = []
    if let port, port != Int(record.port) { differences.append("its port is \(record.port)") }
    let isLogin: Bool
    if let login {
      isLogin = login.hasBytes(of: record.login)
    } else if isSuperuser {
      isLogin = try Cluster(of: branch, at: record.dataDirectory).administrators.contains {
        $0.hasBytes(of: record.login)
      }
    } else {
      isLogin = true
    }
    if !isLogin { differences.append("its login is '\(record.login)'") }
    if let database, !database.hasBytes(of: record.database) {
      differences.append("its database is '\(record.database)'")
    }
    return differences
  }
}

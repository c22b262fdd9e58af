package import Coppice
package import CoppicePostgreSQL

extension WorkingServer {
  /// What is found in its cluster, and does not fit the machine.
  package func findings(
    on machine: ClusterCheck.Machine
  ) throws(StoreError) -> [ClusterFinding] {
    let home = AccessFiles.administrativeDatabase
    func ask(_ statement: String, _ database: String?) throws(StoreError) -> [[String?]] {
      try query(statement, in: database ?? home)
    }
    guard let version = try ClusterCheck.version(ask) else { return [] }
    var findings = try ClusterCheck.findings(of: version, on: machine, isServed: false, ask)
    for database in try databases() {
      let others = try ask(PreparationStatements.otherCollations(major), database.name)
      guard !others.isEmpty else { continue }
      findings.append(
        ClusterFinding(
          .collationVersion, in: database.name,
          others.map { row in
            let words = row.map { $0 ?? "" }
            return "\(words[0]), made with \(words[1]), \(words[2]) here"
          }))
    }
    return findings
  }
}

import Coppice
import CoppiceLifecycle
import TestSupport

extension ReclaimStatement {
  /// A store's own statement, of a branch that is gone, with all that such statements can have.
  static func sample() -> ReclaimStatement { known }

  private static let known: ReclaimStatement = {
    do {
      let folder = try TemporaryFolder()
      let store = try Store.create(at: folder("store"))
      let branch = try store.createBranch("trial-7")
      try branch.writeFile("data", Array("some content\n".utf8))
      try store.setOwner(["trial-7"], to: "ada")
      try store.label(["trial-7"], ["pull-request": "7"])
      let origin = #"{"baseline":"prod","snapshot":"prod@one","id":5,"rootHash":"00"}"#
      try store.annotate("trial-7", [AnnotationChange(.origin, Array(origin.utf8))])
      let proof = try DeletionProof(
        of: store.planForGood(["trial-7"]), in: store, by: .administrator)
      let summary = try store.deleteForGood(["trial-7"])
      var statement = try proof.sign(summary).statement
      try store.close()
      statement.predicate.exports = [
        ExportedCopy(
          exportedAt: Timestamp(nanoseconds: 1_000_000_000), by: "ada", kind: "dump", byteCount: 5)
      ]
      statement.predicate.auditHead = "abc"
      return statement
    } catch {
      preconditionFailure("no sample: \(error)")
    }
  }()
}

package import Coppice

package struct RepairRequest: StoreRequest {
  package typealias Answer = RepairReport

  package static let route = Route(.post, "/v1/repair", "Repair a damaged store.")

  /// Drop records that were acknowledged, when they are damaged or missing.
  package var acceptLoss: Bool

  package init(acceptLoss: Bool) { self.acceptLoss = acceptLoss }

  package var isReadOnly: Bool { false }

  package var access: Access { Access(.govern, .store) }

  /// A server has the store open, and a repair needs it closed.
  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    throw StoreError(
      .inUse, "a store is repaired while nobody has it open", object: context.store.directory,
      remedy: "stop its server with 'coppice stop'")
  }

  package func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer> {
    let work = alone.work
    return try Attempt { () throws(StoreError) in
      try Store.repair(
        at: alone.directory, acceptingLoss: acceptLoss,
        progress: work.tell.map { tell in { tell(.scrub($0)) } })
    }
  }
}

package import Coppice

package struct CheckRequest: StoreRequest {
  package typealias Answer = CheckReport

  package static let route = Route(.post, "/v1/check", "Verify every structure of the store.")
  package static let isCancellable = true

  package init() {}

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.run, .store) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    let work = context.work
    return try context.store.check(
      isCancelled: { work.isCancelled }, progress: work.tell.map { tell in { tell(.check($0)) } })
  }

  /// Without a server the store may be too damaged to open.
  package func runAlone(_ alone: StandaloneContext) throws(StoreError) -> Attempt<Answer> {
    let work = alone.work
    return try Attempt { () throws(StoreError) in
      try Store.check(
        at: alone.directory, isCancelled: { work.isCancelled },
        progress: work.tell.map { tell in { tell(.check($0)) } })
    }
  }
}

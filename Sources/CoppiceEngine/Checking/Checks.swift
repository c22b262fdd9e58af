/// Looks for damage in an open store.
package struct Checks: Sendable {
  let core: StoreCore
  let checkpointer: Checkpointer
}

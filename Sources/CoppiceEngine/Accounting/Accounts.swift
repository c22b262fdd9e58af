/// Who holds what of a store, and what would come free. All of it is read, nothing is changed.
package struct Accounts: Sendable {
  let core: StoreCore
}

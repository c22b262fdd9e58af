/// Begins imports.
package struct Imports: Sendable {
  let core: StoreCore
  let sealer: Sealer
  let branches: Branches
}

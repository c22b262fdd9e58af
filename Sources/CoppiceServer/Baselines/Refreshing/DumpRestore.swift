internal import Coppice

/// A logical dump, restored into a fresh cluster.
struct DumpRestore {
  let path: String
  let intake: BaselineIntake

  func restore() throws(StoreError) -> BaselineIntake.Brought {
    throw StoreError(.unavailable, "is not built", object: path)
  }
}

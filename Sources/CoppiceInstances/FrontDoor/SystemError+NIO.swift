internal import CoppicePlatform
internal import NIOCore

extension SystemError {
  /// The failed call that NIO tells of; `nil` for what is none.
  init?(_ error: any Error, call: String, on path: String = "") {
    guard let error = error as? IOError else { return nil }
    self.init(call: call, path: path, code: error.errnoCode)
  }
}

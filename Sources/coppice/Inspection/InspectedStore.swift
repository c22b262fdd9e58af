internal import Coppice
internal import CoppiceEngine
internal import CoppiceFormat
internal import CoppicePlatform
internal import CoppiceServer

extension StoreInspector {
  /// Of the files in the store's directory, as they are: a damaged store can be looked at, and one
  /// that another process uses. What that has not written yet is not seen.
  init(_ options: StoreArguments) throws(StoreError) {
    let directory = try options.directory()
    options.warn(of: directory)
    self.init(disk: try Store.disk(at: directory))
  }
}

extension PageHash {
  /// 32 hexadecimal digits.
  var text: String {
    [high, low].map { half in
      let digits = String(half, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension FrameForm {
  /// Kind and encoding as words.
  var text: String {
    let kind = kind.map { "\($0)" } ?? "kind \(rawValue >> 4)"
    let encoding = encoding.map { "\($0)" } ?? "encoding \(rawValue & 0xF)"
    return "\(kind), \(encoding)"
  }
}

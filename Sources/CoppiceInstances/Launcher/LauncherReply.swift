package import CoppiceErrors
package import CoppicePlatform

/// What the launcher tells the server.
///
/// ```
/// 0    version u8 = 1
/// 1    word u8: 1 ready, 2 started, 3 failed, 4 ended
/// 2    number u64 of the start that it is about; 0 when it is about the launcher
/// 10   ready: isolation u8, note text
///      started: process u32; with it come the log's reading end and the process's descriptor
///      failed: kind, message, object, remedy, cause, reason texts; empty for none
///      ended: how u8 (1 exited, 2 killed, 3 unknown), status u32
/// ```
package enum LauncherReply: Hashable, Sendable {
  /// Requests are served from now on; why it gives no more isolation, if there is something to say.
  case ready(Isolation, note: String)
  case started(UInt64, process: Int32)
  case failed(UInt64, StoreError)
  case ended(UInt64, ProcessEnd)

  package func encode() -> [UInt8] {
    var writer = MessageWriter()
    writer.write(LauncherRequest.version)
    switch self {
    case .ready(let isolation, let note):
      writer.write(UInt8(1))
      writer.write(UInt64(0))
      writer.write(isolation.code)
      writer.write(note)
    case .started(let number, let process):
      writer.write(UInt8(2))
      writer.write(number)
      writer.write(process)
    case .failed(let number, let error):
      writer.write(UInt8(3))
      writer.write(number)
      writer.write(error.kind.rawValue)
      for text in [
        error.message, error.object, error.remedy.description, error.cause ?? "",
        error.reason?.rawValue ?? "",
      ] {
        writer.write(text.cut)
      }
    case .ended(let number, let end):
      writer.write(UInt8(4))
      writer.write(number)
      let (how, status): (UInt8, Int32) =
        switch end {
        case .exited(let status): (1, status)
        case .killed(let signal): (2, signal)
        case .unknown: (3, 0)
        }
      writer.write(how)
      writer.write(status)
    }
    return writer.bytes
  }

  package init(_ bytes: [UInt8]) throws(MessageFailure) {
    var reader = MessageReader(bytes)
    let version = try reader.number(UInt8.self)
    guard version == LauncherRequest.version else { throw .isUnknown("version \(version)") }
    let word = try reader.number(UInt8.self)
    let number = try reader.number(UInt64.self)
    switch word {
    case 1:
      guard number == 0 else { throw .isUnknown("start \(number)") }
      self = .ready(try reader.isolation(), note: try reader.text())
    case 2: self = .started(number, process: try reader.number())
    case 3: self = .failed(number, try reader.error())
    case 4: self = .ended(number, try reader.end())
    default: throw .isUnknown("word \(word)")
    }
    try reader.finish()
  }
}

extension MessageReader {
  fileprivate mutating func error() throws(MessageFailure) -> StoreError {
    let name = try text()
    guard let kind = StoreError.Kind(rawValue: name) else { throw .isUnknown("kind '\(name)'") }
    let message = try text()
    let object = try text()
    let remedy = Remedy(try text())
    let cause = try text()
    let reason = try text()
    guard reason.isEmpty || StoreError.Reason(rawValue: reason) != nil else {
      throw .isUnknown("reason '\(reason)'")
    }
    return StoreError(
      kind, message, object: object, remedy: remedy, cause: cause.isEmpty ? nil : cause,
      reason: StoreError.Reason(rawValue: reason))
  }

  fileprivate mutating func end() throws(MessageFailure) -> ProcessEnd {
    let how = try number(UInt8.self)
    let status = try number(Int32.self)
    switch how {
    case 1: return .exited(status)
    case 2: return .killed(status)
    case 3 where status == 0: return .unknown
    default: throw .isUnknown("end \(how)")
    }
  }
}

extension String {
  /// No more of it than a message takes of a text.
  fileprivate var cut: String {
    String(decoding: utf8.prefix(MessageLimit.textByteCountMax / 4), as: UTF8.self)
  }
}

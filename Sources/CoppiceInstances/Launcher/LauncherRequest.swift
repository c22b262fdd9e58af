package import CoppicePlatform

/// What the server asks of the launcher.
///
/// ```
/// 0    version u8 = 1
/// 1    word u8: 1 start, 2 signal
/// 2    number u64, of the server: every start has its own, by which it is spoken of from then on
/// 10   start: the fields of `Launch` in their order; signal: u8
/// ```
package enum LauncherRequest: Hashable, Sendable {
  case start(UInt64, Launch)
  case signal(UInt64, ProcessSignal)

  static let version: UInt8 = 1

  package func encode() -> [UInt8] {
    var writer = MessageWriter()
    writer.write(Self.version)
    switch self {
    case .start(let number, let launch):
      writer.write(UInt8(1))
      writer.write(number)
      writer.write(launch)
    case .signal(let number, let signal):
      writer.write(UInt8(2))
      writer.write(number)
      writer.write(signal.rawValue)
    }
    return writer.bytes
  }

  package init(_ bytes: [UInt8]) throws(MessageFailure) {
    var reader = MessageReader(bytes)
    let version = try reader.number(UInt8.self)
    guard version == Self.version else { throw .isUnknown("version \(version)") }
    let word = try reader.number(UInt8.self)
    let number = try reader.number(UInt64.self)
    switch word {
    case 1: self = .start(number, try reader.launch())
    case 2:
      let code = try reader.number(UInt8.self)
      guard let signal = ProcessSignal(rawValue: code) else { throw .isUnknown("signal \(code)") }
      self = .signal(number, signal)
    default: throw .isUnknown("word \(word)")
    }
    try reader.finish()
  }

  /// The number in a message that is none otherwise, so that whoever waits for an answer gets one.
  static func number(of bytes: [UInt8]) -> UInt64 {
    var reader = MessageReader(Array(bytes.dropFirst(2)))
    return (try? reader.number()) ?? 0
  }
}

extension MessageWriter {
  fileprivate mutating func write(_ launch: Launch) {
    write(launch.program)
    write(launch.arguments)
    write(launch.environment.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] })
    write(launch.isolation.code)
    write(launch.userID)
    write(launch.groupID)
    write(launch.data)
    write(launch.runDirectory)
    write(launch.readOnlyPaths)
    write(launch.outOfMemoryScore.map(Int64.init))
    write(launch.openFileCountMax)
    write(launch.processCountMax)
  }
}

extension MessageReader {
  fileprivate mutating func launch() throws(MessageFailure) -> Launch {
    let program = try text()
    let arguments = try texts()
    let environment = try environment()
    let isolation = try isolation()
    let userID = try number(UInt32.self)
    let groupID = try number(UInt32.self)
    let data = try text()
    let runDirectory = try text()
    let readOnlyPaths = try texts()
    let score = try optionalNumber()
    if let score, !(-1000...1000).contains(score) { throw .isUnknown("score \(score)") }
    return Launch(
      program: program, arguments: arguments, environment: environment, isolation: isolation,
      userID: userID, groupID: groupID, data: data, runDirectory: runDirectory,
      readOnlyPaths: readOnlyPaths, outOfMemoryScore: score.map(Int.init),
      openFileCountMax: try number(), processCountMax: try number())
  }

  private mutating func environment() throws(MessageFailure) -> [String: String] {
    let texts = try texts()
    guard texts.count.isMultiple(of: 2) else { throw .isShort }
    var environment: [String: String] = [:]
    for index in stride(from: 0, to: texts.count, by: 2) {
      let name = texts[index]
      guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "=")), environment[name] == nil else {
        throw .isUnknown("a variable '\(name)'")
      }
      environment[name] = texts[index + 1]
    }
    return environment
  }

  mutating func isolation() throws(MessageFailure) -> Isolation {
    let code = try number(UInt8.self)
    guard let isolation = Isolation.allCases.first(where: { $0.code == code }) else {
      throw .isUnknown("isolation \(code)")
    }
    return isolation
  }
}

extension Isolation {
  /// As messages have it.
  var code: UInt8 {
    switch self {
    case .full: 1
    case .user: 2
    case .none: 3
    }
  }
}

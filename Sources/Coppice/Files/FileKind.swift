/// What a file is. The raw values are stored.
public enum FileKind: UInt8, Hashable, Sendable, CaseIterable {
  case regular = 1
  case directory = 2
  case symbolicLink = 3
  case characterDevice = 4
  case blockDevice = 5
  case fifo = 6
  case socket = 7
}

/// As text.
extension FileKind: Codable {
  private var text: String {
    switch self {
    case .regular: "file"
    case .directory: "directory"
    case .symbolicLink: "symbolicLink"
    case .characterDevice: "characterDevice"
    case .blockDevice: "blockDevice"
    case .fifo: "fifo"
    case .socket: "socket"
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let text = try container.decode(String.self)
    guard let kind = Self.allCases.first(where: { $0.text == text }) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "'\(text)' is no kind of a file")
    }
    self = kind
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

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

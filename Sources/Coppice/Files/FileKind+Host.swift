package import CoppicePlatform

extension FileKind {
  /// What the machine calls it.
  package var hostKind: HostFileKind {
    switch self {
    case .regular: .regular
    case .directory: .directory
    case .symbolicLink: .symbolicLink
    case .characterDevice: .characterDevice
    case .blockDevice: .blockDevice
    case .fifo: .fifo
    case .socket: .socket
    }
  }

  /// What Coppice calls it.
  package init(_ kind: HostFileKind) {
    switch kind {
    case .regular: self = .regular
    case .directory: self = .directory
    case .symbolicLink: self = .symbolicLink
    case .characterDevice: self = .characterDevice
    case .blockDevice: self = .blockDevice
    case .fifo: self = .fifo
    case .socket: self = .socket
    }
  }
}

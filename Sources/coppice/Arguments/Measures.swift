internal import ArgumentParser
internal import CoppiceLifecycle

// Read and shown as everywhere else.

extension ByteCount: ExpressibleByArgument {
  static let help = "Units: K, M, G, T, or KiB and so on."
}

extension TimeSpan: ExpressibleByArgument {}

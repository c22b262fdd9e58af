internal import CoppiceFormat

// Pages and records of the names tree.
extension FormatDecoder {
  static let namesTreeHeader = FormatDecoder(
    name: "names-tree-header", samples: [SampleNames.header.encoded]
  ) { (bytes) throws(FormatError) in
    let value = try NamesTreeHeader(decoding: bytes)
    let again = try value.encoded.withBytes { (bytes) throws(FormatError) in
      try NamesTreeHeader(decoding: bytes)
    }
    expectEqual(again, value)
  }

  /// A page that validates can be edited, and validates afterwards.
  static let namesPage = FormatDecoder(
    name: "names-page", samples: [SampleNames.leaf, SampleNames.inner, SampleNames.overflowPage]
  ) { (bytes) throws(FormatError) in
    let page = try NamesPage(bytes)
    if page.kind == .overflow { _ = try page.overflowPayload() }
    try page.validate()
    guard page.kind == .leaf || page.kind == .inner, page.cellCount > 0 else { return }
    var keys: [[UInt8]] = []
    for index in 0..<page.cellCount { keys.append(Array(try page.cell(at: index).key)) }
    for (index, key) in keys.enumerated() {
      let found = try key.withBytes { (bytes) throws(FormatError) in try page.search(bytes) }
      precondition(found == (index, true))
    }
    if page.kind == .inner {
      _ = try keys[0].withBytes { (bytes) throws(FormatError) in
        try page.child(at: page.childIndex(for: bytes))
      }
    }
    try SampleNames.edit(bytes)
  }

  static let inode = FormatDecoder(
    name: "inode", samples: SampleNames.inodes.map { $0.encode() }
  ) { (bytes) throws(FormatError) in
    let value = try InodeRecord(decoding: bytes)
    let again = try value.encode().withBytes { (bytes) throws(FormatError) in
      try InodeRecord(decoding: bytes)
    }
    expectEqual(again, value)
  }

  static let directoryEntry = FormatDecoder(
    name: "directory-entry", samples: [EntryRecord(file: VolumeNumber(77), kind: 2).encode()]
  ) { (bytes) throws(FormatError) in
    let value = try EntryRecord(decoding: bytes)
    precondition(bytes.elementsEqual(value.encode()))
  }

  static let namesOverflow = FormatDecoder(
    name: "names-overflow", samples: [SampleNames.overflow.encode()]
  ) { (bytes) throws(FormatError) in
    let value = try NamesOverflow(decoding: bytes)
    precondition(bytes.elementsEqual(value.encode()))
  }

  static let namesKey = FormatDecoder(
    name: "names-key", samples: SampleNames.keys.map(\.bytes)
  ) { (bytes) throws(FormatError) in
    let key = NamesKey(bytes: Array(bytes))
    switch try key.decode() {
    case .inode(let file): expectEqual(NamesKey.inode(file), key)
    case .entry(let directory, let name): expectEqual(NamesKey.entry(directory, name), key)
    case .attribute(let file, let name): expectEqual(NamesKey.attribute(file, name), key)
    case .orphan(let file): expectEqual(NamesKey.orphan(file), key)
    }
  }
}

extension [UInt8] {
  fileprivate func withBytes<Result>(
    _ body: (UnsafeRawBufferPointer) throws(FormatError) -> Result
  ) throws(FormatError) -> Result {
    try span.bytes.withUnsafeBytes(body)
  }
}

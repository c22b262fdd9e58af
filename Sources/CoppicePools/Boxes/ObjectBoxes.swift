package import CoppiceErrors
package import CoppiceFormat

/// A key of a pool with its number, which the objects that it seals name.
package struct PoolSealingKey: Sendable {
  package let id: PoolKeyID
  let secret: PoolSecret

  package init(id: PoolKeyID, secret: PoolSecret) {
    self.id = id
    self.secret = secret
  }
}

/// Header and boxes of an object of a pool, sealed and opened.
///
/// Each object has a key of its own, derived with a random salt, so box numbers serve as nonces.
/// Each box authenticates the header, its number and whether it is the last: no box can stand at
/// another place or in another object, and no tail can be cut off.
package enum ObjectBoxes {
  /// The bytes of the object: with another salt each time, so they never repeat.
  ///
  /// - Precondition: the content has at most `PoolObjectHeader.contentByteCountMax` bytes.
  package static func seal(
    _ content: UnsafeRawBufferPointer, as object: PoolObjectName, in pool: StoreUUID,
    under key: PoolSealingKey, using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    let header = PoolObjectHeader(
      object, pool: pool, key: key.id, contentByteCount: content.count,
      salt: generator.bytes(PoolObjectHeader.saltByteCount))
    let secret = key.secret.derived(salt: header.salt, info: header.keyInfo)
    let boxes = header.boxes
    var bytes = header.encode()
    bytes.reserveCapacity(boxes.objectByteCount)
    for box in 0..<boxes.count {
      secret.seal(
        UnsafeRawBufferPointer(rebasing: content[boxes.contentRange(of: box..<box + 1)]),
        nonce: PoolBoxes.nonce(ofBox: box), authenticating: header.authenticatedData(ofBox: box),
        appendingTo: &bytes)
    }
    return bytes
  }

  /// As above.
  package static func seal(
    _ content: [UInt8], as object: PoolObjectName, in pool: StoreUUID, under key: PoolSealingKey,
    using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    content.withUnsafeBytes { seal($0, as: object, in: pool, under: key, using: &generator) }
  }
}

/// Opens the boxes of one object: all of them, or some without the rest.
package struct BoxReader: Sendable {
  package let header: PoolObjectHeader
  private let object: PoolObjectName
  private let secret: PoolSecret

  /// - Parameters:
  ///   - start: at least the first `PoolObjectHeader.byteCount` bytes of what was read under the
  ///     name `object`.
  ///   - keys: of the pool.
  ///
  /// Throws `corrupt` for another object and for what is none, `unsupportedFormat`, and `denied`
  /// for one whose key is not among `keys`.
  package init(
    header start: RawSpan, of object: PoolObjectName, keys: PoolKeys
  ) throws(StoreError) {
    header = try Self.header(start, of: object)
    guard header.pool == keys.pool else {
      throw StoreError(
        .corrupt, "is an object of the pool \(header.pool), not of \(keys.pool)",
        object: object.key)
    }
    self.object = object
    secret = try keys.secret(of: header.key, for: object)
      .derived(salt: header.salt, info: header.keyInfo)
  }

  /// The header of what was read under the name `object`, whatever the pool.
  static func header(
    _ start: RawSpan, of object: PoolObjectName
  ) throws(StoreError) -> PoolObjectHeader {
    let header = try StoreError.decoding(object.key) { () throws(FormatError) in
      try PoolObjectHeader.decode(start)
    }
    guard header.isHeader(of: object) else {
      throw StoreError(
        .corrupt,
        "is another object: of kind \(header.kind.rawValue), with the name \(header.name)",
        object: object.key)
    }
    return header
  }

  /// Opens some boxes.
  ///
  /// - Parameters:
  ///   - stored: the object's bytes in `header.boxes.storedRange(of: boxes)`.
  ///   - content: room for `header.boxes.contentRange(of: boxes)`. After an error it may have
  ///     content of some boxes.
  ///
  /// Throws `corrupt` when a box is not what was sealed there, or is cut off.
  package func open(
    _ boxes: Range<Int>, from stored: UnsafeRawBufferPointer,
    into content: UnsafeMutableRawBufferPointer
  ) throws(StoreError) {
    let layout = header.boxes
    let place = layout.storedRange(of: boxes)
    let target = layout.contentRange(of: boxes)
    precondition(boxes.upperBound <= layout.count && content.count >= target.count)
    guard stored.count == place.count else {
      throw StoreError(
        .corrupt, "has \(stored.count) bytes where there should be \(place.count)",
        object: object.key)
    }
    for box in boxes {
      let range = layout.storedRange(of: box..<box + 1)
      let room = layout.contentRange(of: box..<box + 1)
      let start = range.lowerBound - place.lowerBound
      let end = range.upperBound - place.lowerBound
      let split = end - PoolBoxes.tagByteCount
      let isOpened = secret.open(
        UnsafeRawBufferPointer(rebasing: stored[start..<split]),
        tag: UnsafeRawBufferPointer(rebasing: stored[split..<end]),
        nonce: PoolBoxes.nonce(ofBox: box), authenticating: header.authenticatedData(ofBox: box),
        into: UnsafeMutableRawBufferPointer(
          rebasing: content[(room.lowerBound - target.lowerBound)...]))
      guard isOpened else {
        throw StoreError(
          .corrupt, "the box \(box) of \(layout.count) is not what was sealed there",
          object: object.key)
      }
    }
  }

  /// Opens some boxes into an array.
  package func open(_ boxes: Range<Int>, from stored: [UInt8]) throws(StoreError) -> [UInt8] {
    try open(boxes, from: stored[...])
  }

  /// As above.
  package func open(
    _ boxes: Range<Int>, from stored: ArraySlice<UInt8>
  ) throws(StoreError) -> [UInt8] {
    var content = [UInt8](repeating: 0, count: header.boxes.contentRange(of: boxes).count)
    try content.withUnsafeMutableBufferPointer { content throws(StoreError) in
      try stored.withUnsafeBufferPointer { stored throws(StoreError) in
        try open(
          boxes, from: UnsafeRawBufferPointer(stored), into: UnsafeMutableRawBufferPointer(content))
      }
    }
    return content
  }

  /// The content of a whole object that was read under the name `object`.
  package static func openAll(
    _ bytes: [UInt8], of object: PoolObjectName, keys: PoolKeys
  ) throws(StoreError) -> [UInt8] {
    let reader = try BoxReader(header: bytes.span.bytes, of: object, keys: keys)
    return try reader.open(
      0..<reader.header.boxes.count, from: bytes[PoolObjectHeader.byteCount...])
  }
}

extension RandomNumberGenerator {
  /// That many random bytes.
  mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 7)
    while bytes.count < count {
      let number: UInt64 = next()
      withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes[..<count])
  }
}

package import CoppiceErrors
package import CoppiceFormat

/// Members' objects and retired tables, which the pool's own key seals.
extension PoolMember {
  /// The bytes of the member's object.
  package func seal(
    keys: PoolKeys, using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    keys.seal(encode(), as: .member(id), using: &generator)
  }

  /// What was read under the member's name. Throws `corrupt`, `denied`, `unsupportedFormat`.
  package static func open(
    _ object: [UInt8], of id: PoolMemberID, keys: PoolKeys
  ) throws(StoreError) -> PoolMember {
    let name = PoolObjectName.member(id)
    let content = try BoxReader.openAll(object, of: name, keys: keys)
    let member = try StoreError.decoding(name.key) { () throws(FormatError) in
      try PoolMember.decode(content.span.bytes)
    }
    // The header has half of the id.
    guard member.id == id else {
      throw StoreError(.corrupt, "is the object of the member \(member.id)", object: name.key)
    }
    return member
  }
}

extension PoolRetiredTable {
  /// The bytes of the table's object.
  package func seal(
    keys: PoolKeys, using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    keys.seal(encode(), as: .retired(cycle: cycle), using: &generator)
  }

  /// What was read under the cycle's name. Throws `corrupt`, `denied`, `unsupportedFormat`.
  package static func open(
    _ object: [UInt8], of cycle: UInt64, keys: PoolKeys
  ) throws(StoreError) -> PoolRetiredTable {
    let name = PoolObjectName.retired(cycle: cycle)
    let content = try BoxReader.openAll(object, of: name, keys: keys)
    let table = try StoreError.decoding(name.key) { () throws(FormatError) in
      try PoolRetiredTable.decode(content.span.bytes)
    }
    guard table.cycle == cycle else {
      throw StoreError(.corrupt, "is the table of the cycle \(table.cycle)", object: name.key)
    }
    return table
  }
}

extension PoolKeys {
  /// Seals under the pool's own key, which every pool has.
  func seal(
    _ content: [UInt8], as object: PoolObjectName,
    using generator: inout some RandomNumberGenerator
  ) -> [UInt8] {
    guard let key = sealingKey(of: nil) else {
      preconditionFailure("a pool has a key of its own")
    }
    return ObjectBoxes.seal(content, as: object, in: pool, under: key, using: &generator)
  }
}

import CoppiceFormat
import CoppicePools

/// All that a pool's objects hold, as the lines that the reader in Python prints.
enum PoolListing {
  static func lines(_ objects: [String: [UInt8]], _ outer: OuterKey) throws -> [String] {
    let head = try HeadObject(objects["pool"] ?? [], opening: outer)
    var lines = Self.lines(head)
    for (key, bytes) in objects.sorted(by: { $0.key < $1.key }) where key != "pool" {
      guard let name = PoolObjectName(key: key) else { continue }
      let content = try BoxReader.openAll(bytes, of: name, keys: head.keys)
      switch name {
      case .head: break
      case .member: lines += Self.lines(try PoolMember.decode(content.span.bytes), key)
      case .retired: lines += Self.lines(try PoolRetiredTable.decode(content.span.bytes), key)
      case .segment: lines += try Self.lines(segment: content, key)
      }
    }
    return lines
  }

  private static func line(_ values: Any...) -> String {
    values.map { "\($0)" }.joined(separator: " ")
  }

  private static func digits(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }

  private static func digits(_ hash: PageHash) -> String {
    [hash.high, hash.low].map { number in
      digits((0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) })
    }.joined()
  }

  private static func lines(_ object: HeadObject) -> [String] {
    let head = object.head
    let pool = withUnsafeBytes(of: (object.keys.pool.low, object.keys.pool.high)) { Array($0) }
    var lines = [line("pool", digits(pool))]
    for wrapper in object.table.wrappers {
      lines.append(line("wrapper", wrapper.id.rawValue, wrapper.kind, wrapper.label))
    }
    for key in object.table.keys {
      let domain = key.domain?.rawValue ?? .max
      lines.append(line("key", key.id.rawValue, domain, key.state.rawValue, key.createdAt))
    }
    lines.append(
      line(
        "head", head.revision.sequence, 1 << Int(head.pageShift), head.cycle,
        head.collector.rawValue, head.retired, head.nextBranch, head.place))
    for receipt in head.revision.receipts {
      lines.append(line("receipt", receipt.member.rawValue, receipt.attempt.rawValue))
    }
    for domain in head.domains {
      lines.append(
        line("domain", domain.number.rawValue, domain.domainClass.rawValue, 0, domain.name))
    }
    for member in head.members {
      lines.append(
        line(
          "member", member.number.rawValue, member.state.rawValue, member.kind.rawValue, member.id,
          member.label))
    }
    for block in head.blocks {
      lines.append(line("block", block.run.first, block.run.count, block.member.rawValue))
    }
    for branch in head.branches {
      lines.append(line("branch", branch.id.rawValue, branch.member.rawValue, branch.name))
    }
    return lines
  }

  private static func lines(_ member: PoolMember, _ key: String) -> [String] {
    var lines = [
      line(
        key, member.revision.sequence, member.revision.receipts.count, member.number.rawValue,
        member.state.rawValue, member.cycle, member.incarnation, member.changeCount, member.nextID,
        member.nextEntry, member.lastContact)
    ]
    lines += member.entries.map(Self.line)
    for anchor in member.anchors {
      lines.append(line("  anchor", anchor.member.rawValue, anchor.entry.rawValue))
    }
    for intent in member.intents {
      let supports = intent.supports.map { " \($0.member.rawValue) \($0.entry.rawValue)" }
      lines.append(
        line(
          "  intent", intent.attempt.rawValue, intent.first, intent.count, intent.key.rawValue,
          "on") + supports.joined())
    }
    for run in member.published {
      lines.append(
        line(
          "  published", run.run.first, run.run.count, run.domain.rawValue, run.key.rawValue))
    }
    for domain in member.shredded { lines.append(line("  shredded", domain.rawValue)) }
    return lines
  }

  private static func line(_ entry: PoolEntry) -> String {
    let start = line(
      "  entry", entry.id.rawValue, entry.branch.rawValue, entry.epoch, entry.flags.rawValue,
      entry.domain.rawValue, entry.lastCycle, entry.root.locator.name, digits(entry.root.hash),
      entry.root.locator.form.rawValue)
    let rest = line(
      entry.lsn.rawValue, entry.createdAt, entry.publishedAt, entry.verifiedAt, entry.drill.at,
      entry.drill.status, entry.drill.seconds, entry.drill.byteCount, entry.deletedAt,
      entry.releasedAt, entry.lockedUntil, entry.logicalByteCount, entry.newByteCount,
      entry.movedTo.rawValue, entry.name)
    let tags = entry.annotations.all.map { " \($0.tag.rawValue)" }.joined()
    let pins = entry.pins.map { pin in
      " " + line(pin.member.rawValue, pin.purpose, pin.incarnation, pin.since)
    }.joined()
    return "\(start) \(rest) tags\(tags) pins\(pins)"
  }

  private static func lines(_ table: PoolRetiredTable, _ key: String) -> [String] {
    [key]
      + table.retired.map { segment in
        line("  retired", segment.id.rawValue)
          + segment.hosts.map { " \($0.rawValue)" }.joined()
      }
  }

  private static func lines(segment: [UInt8], _ key: String) throws -> [String] {
    let bytes = segment.span.bytes
    let header = try SegmentHeader.decode(bytes)
    let end = segment.count - PoolSegmentFooter.byteCount
    let footer = try PoolSegmentFooter.decode(
      bytes.extracting(end..<segment.count), segmentByteCount: segment.count)
    let index = try PoolSegmentIndex.decode(bytes.extracting(footer.indexRange), footer)
    var lines = [line(key, header.domain.rawValue, segment.count, footer.frameCount)]
    for bundle in index.bundles {
      let entries = bundle.directory.entries
      lines.append(
        line(
          "  bundle", bundle.offset, bundle.firstOrdinal, entries.count,
          bundle.hasHomeNames ? 1 : 0, bundle.lsn.rawValue))
      var place = Int(bundle.offset) + BundleHeader.byteCount
      for (number, entry) in entries.enumerated() {
        let name =
          bundle.hasHomeNames
          ? entry.home
          : FrameName(segment: header.segment, ordinal: bundle.firstOrdinal + UInt32(number))
        lines.append(
          line(
            "    frame", name, entry.form.rawValue, place, entry.storedByteCount,
            entry.volume.rawValue, entry.page.rawValue, entry.base,
            digits(bundle.hash(ofFrame: number))))
        place += entry.storedByteCount
      }
    }
    return lines
  }
}

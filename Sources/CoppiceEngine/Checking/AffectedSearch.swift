internal import CoppiceFormat

/// Finds the branches, volumes and pages that findings concern: walks from every entry to the
/// frames that were found damaged. Subtrees without any are walked once for all entries.
final class AffectedSearch {
  private let frames: FrameReader
  private let findings: FindingList
  private let clean = FrameSet()
  private var affected: [Int: [AffectedRange]] = [:]
  /// Of the root that is being walked: by finding, then by volumes.
  private var found: [Int: [Range<UInt64>: PageRanges]] = [:]

  init(frames: FrameReader, findings: FindingList) {
    self.frames = frames
    self.findings = findings
  }

  func run(_ entries: [CheckedEntry]) {
    for (root, sharers) in Dictionary(grouping: entries, by: \.root) {
      found = [:]
      _ = visitTable(root, volumes: 0..<1 << UInt64(VolumeNumber.bitCount))
      let sealed = found
      for entry in sharers {
        found = [:]
        for overlay in entry.refs { visit(overlay) }
        take(sealed, entry)
        take(found, entry)
      }
    }
    for (index, ranges) in affected {
      findings.setAffected(
        ranges.sorted { ($0.branch, $0.volumes.lowerBound) < ($1.branch, $1.volumes.lowerBound) },
        of: index)
    }
  }

  private func take(_ found: [Int: [Range<UInt64>: PageRanges]], _ entry: CheckedEntry) {
    for (index, volumes) in found {
      for (volume, pages) in volumes {
        affected[index, default: []].append(
          AffectedRange(
            branch: entry.id, name: entry.name, volumes: volume, pages: pages.ranges))
      }
    }
  }

  // MARK: Walking

  private func visit(_ overlay: OverlayRef) {
    let volume = overlay.volume.rawValue
    if let page = overlay.page {
      _ = note(overlay.ref, volume..<volume + 1, page.rawValue..<page.rawValue + 1)
    } else {
      visitVolume(overlay.ref, volume)
    }
  }

  /// Returns whether anything below is concerned.
  private func visitTable(_ ref: Ref, volumes: Range<UInt64>) -> Bool {
    if ref.isHole || clean.contains(ref.locator.name) { return false }
    if note(ref, volumes, nil) { return true }
    guard let node = node(ref), node.header.kind == .tableNode else { return false }
    var isConcerned = false
    let step = Radix.slotCoverage(level: node.header.level)
    for (slot, child) in node.effectiveRefs {
      let first = node.header.firstKey + UInt64(slot) * step
      if node.header.level > 0 {
        isConcerned = visitTable(child, volumes: first..<first + step) || isConcerned
      } else {
        isConcerned = visitVolume(child, first) || isConcerned
      }
    }
    if !isConcerned { clean.insert(ref.locator.name) }
    return isConcerned
  }

  @discardableResult
  private func visitVolume(_ ref: Ref, _ volume: UInt64) -> Bool {
    if clean.contains(ref.locator.name) { return false }
    if note(ref, volume..<volume + 1, nil) { return true }
    guard let top = node(ref), top.header.kind == .volumeNode else { return false }
    let unit = UInt64(frames.pageByteCount)
    let pageCount = (top.header.byteCount + unit - 1) / unit
    return visitPages(ref, volume, pages: 0..<pageCount)
  }

  private func visitPages(_ ref: Ref, _ volume: UInt64, pages: Range<UInt64>) -> Bool {
    if ref.isHole || clean.contains(ref.locator.name) { return false }
    if note(ref, volume..<volume + 1, pages) { return true }
    guard ref.locator.form.kind == .volumeNode, let node = node(ref) else {
      return false
    }
    var isConcerned = false
    let step = Radix.slotCoverage(level: node.header.level)
    for (slot, child) in node.effectiveRefs {
      let first = node.header.firstKey + UInt64(slot) * step
      let own = (first..<first + step).clamped(to: pages)
      isConcerned = visitPages(child, volume, pages: own) || isConcerned
    }
    if !isConcerned { clean.insert(ref.locator.name) }
    return isConcerned
  }

  /// `nil` when it cannot be read, which has a finding of its own.
  private func node(_ ref: Ref) -> Node? {
    do throws(StoreError) { return try frames.node(ref) } catch {
      findings.note(error)
      return nil
    }
  }

  /// Notes what a frame is needed for, if a finding concerns it.
  private func note(_ ref: Ref, _ volumes: Range<UInt64>, _ pages: Range<UInt64>?) -> Bool {
    let indices = findings.indices(of: ref.locator.name)
    for index in indices {
      var known = found[index, default: [:]][volumes] ?? PageRanges()
      if let pages { known = known.union(PageRanges(ascending: [pages])) }
      found[index, default: [:]][volumes] = known
    }
    return !indices.isEmpty
  }
}

/// An entry as the checker sees it.
struct CheckedEntry {
  var id: BranchID
  var name: String
  var domain: DomainID
  var root: Ref
  var refs: [OverlayRef]
}

internal import CoppiceFormat
internal import CoppicePlatform

/// Checks segment files: headers, bundles, directories, notes, and the bases of derived frames.
struct SegmentCheck {
  let files: SegmentFiles
  let uuid: StoreUUID
  let places: FramePlaces
  let findings: FindingList
  /// Whether a segment still counts: the collector may have removed it since the check began.
  let isKnown: (SegmentID) -> Bool

  func check(_ segment: SegmentEntry, _ report: inout CheckReport) {
    let path = SegmentFiles.path(segment.id)
    let all: Range<UInt32> = 0..<max(1, segment.frameCount)
    report.segmentCount += 1
    do throws(SystemError) {
      let file = try files.file(segment.id)
      let byteCount = try file.byteCount()
      if byteCount < segment.byteCount {
        findings.add(
          path, "the file has \(byteCount) bytes, published are \(segment.byteCount)")
      }
      checkHeader(file, segment, path)
      checkBundles(file, segment, path, &report)
    } catch {
      guard isKnown(segment.id) else { return }
      findings.add(
        path, error.isMissing ? "the segment is missing" : "\(error)", segment: segment.id,
        ordinals: all)
    }
  }

  private func checkHeader(_ file: any DiskFile, _ segment: SegmentEntry, _ path: String) {
    let object = "\(path) header"
    let bytes = try? StoreInspector.bytes(of: file, at: 0, count: SegmentHeader.byteCount)
    guard let bytes else {
      findings.add(object, "it cannot be read")
      return
    }
    do throws(FormatError) {
      let header = try SegmentHeader.decode(bytes.span.bytes)
      let expected = SegmentHeader(uuid: uuid, segment: segment.id, domain: segment.domain)
      if header != expected {
        findings.add(object, "it is the header of another store, segment or domain")
      }
    } catch {
      findings.add(object, "\(error)")
    }
  }

  private func checkBundles(
    _ file: any DiskFile, _ segment: SegmentEntry, _ path: String, _ report: inout CheckReport
  ) {
    var counted = report
    BundleScan(file: file, segment: segment).scan { item in
      switch item {
      case .damage(let damage):
        findings.add(
          "\(path) bundle at offset \(damage.offset)",
          "\(damage.message); \(damage.ordinals.count) frames cannot be checked against it",
          segment: segment.id, ordinals: damage.ordinals)
      case .bundle(let bundle):
        counted.bundleCount += 1
        counted.frameCount += bundle.frames.count
        for frame in bundle.frames { check(frame, file) }
      }
    }
    report = counted
  }

  private func check(_ frame: StoreInspector.FrameInspection, _ file: any DiskFile) {
    if frame.entry.form.kind == .note { checkNote(frame, file) }
    guard frame.entry.base != .none else { return }
    let object = describe(frame.name)
    guard frame.entry.base < frame.name else {
      findings.add(object, "its base is newer than itself", frame: frame.name)
      return
    }
    switch places[frame.entry.base] {
    case .lost: break
    case .none:
      findings.addIfNeeded(
        object, "its base, \(describe(frame.entry.base)), is missing", frame: frame.name)
    case .place(let base, _):
      if base.form.isDerived || base.form.kind != frame.entry.form.kind {
        findings.add(
          object, "its base, \(describe(frame.entry.base)), is not a full frame of its kind",
          frame: frame.name)
      }
    }
  }

  private func checkNote(_ frame: StoreInspector.FrameInspection, _ file: any DiskFile) {
    let bytes = try? StoreInspector.bytes(
      of: file, at: UInt64(frame.locator.offset), count: frame.locator.storedByteCount)
    let object = "\(describe(frame.name)), a note"
    guard let bytes else {
      findings.add(object, "it cannot be read")
      return
    }
    do throws(FormatError) { _ = try NoteFrame.decode(bytes.span.bytes) } catch {
      findings.add(object, "\(error)")
    }
  }

  private func describe(_ name: FrameName) -> String {
    "frame \(name.segment.rawValue)/\(name.ordinal)"
  }
}

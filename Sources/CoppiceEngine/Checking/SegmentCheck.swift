internal import CoppiceFormat
internal import CoppicePlatform

/// Checks segment files: headers, bundles, directories, notes, and the bases of derived frames.
struct SegmentCheck {
  let uuid: StoreUUID
  let places: FramePlaces
  let findings: FindingList
  func check(_ segment: SegmentEntry, _ file: SegmentHandle, _ report: inout CheckReport) {
    let path = SegmentStore.path(segment.id)
    report.segmentCount += 1
    do throws(SegmentError) {
      let byteCount = try file.byteCount()
      if byteCount < segment.byteCount {
        findings.add(
          path, "the file has \(byteCount) bytes, published are \(segment.byteCount)")
      }
    } catch {
      findings.add(path, StoreError(error, while: "asking for the file's size"))
    }
    do throws(StoreError) {
      let expected = SegmentHeader(uuid: uuid, segment: segment.id, domain: segment.domain)
      if let problem = try expected.problem(in: file) { findings.add("\(path) header", problem) }
    } catch {
      findings.add("\(path) header", error)
    }
    checkBundles(file, segment, path, &report)
  }

  private func checkBundles(
    _ file: SegmentHandle, _ segment: SegmentEntry, _ path: String, _ report: inout CheckReport
  ) {
    var counted = report
    do throws(StoreError) {
      try BundleReader(file, segment).scan { item in
        switch item {
        case .damage(let damage):
          let lost = quantity(damage.ordinals.count, "frame")
          findings.add(
            "\(path) bundle at offset \(damage.offset)",
            "\(damage.message); \(lost) cannot be checked against it",
            partOf: segment, ordinals: damage.ordinals)
        case .bundle(let bundle):
          counted.bundleCount += 1
          counted.frameCount += bundle.frames.count
          for frame in bundle.frames { check(frame, file, segment.domain) }
        }
      }
    } catch {
      findings.note(error)
    }
    report = counted
  }

  private func check(
    _ frame: FrameInspection, _ file: SegmentHandle, _ domain: DomainID
  ) {
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
      } else if let other = places.domain(of: frame.entry.base), other != domain {
        findings.add(
          object,
          "its base, \(describe(frame.entry.base)), lies in trust domain \(other.rawValue), "
            + "itself in \(domain.rawValue)",
          frame: frame.name)
      }
    }
  }

  private func checkNote(_ frame: FrameInspection, _ file: SegmentHandle) {
    let object = "\(describe(frame.name)), a note"
    do throws(StoreError) {
      if let problem = try frame.problemOfNote(in: file) { findings.add(object, problem) }
    } catch {
      findings.add(object, error)
    }
  }

  private func describe(_ name: FrameName) -> String {
    "frame \(name)"
  }
}

extension SegmentHeader {
  /// Why the file does not begin with this header; `nil` when it does.
  func problem(in file: SegmentHandle) throws(StoreError) -> String? {
    guard let bytes = try file.bytes(at: 0, count: Self.byteCount) else {
      return "the file is shorter than its header"
    }
    do throws(FormatError) {
      return try Self.decode(bytes.span.bytes) == self
        ? nil : "it is the header of another store, segment or domain"
    } catch {
      return "\(error)"
    }
  }
}

extension FrameInspection {
  /// Whether the frame is a note and sound.
  func isSoundNote(in file: SegmentHandle) throws(StoreError) -> Bool {
    guard entry.form.kind == .note else { return false }
    return try readable(problemOfNote(in: file) == nil) ?? false
  }

  /// Why the note that should lie there is none; `nil` when it is sound.
  func problemOfNote(in file: SegmentHandle) throws(StoreError) -> String? {
    let bytes = try file.bytes(at: UInt64(locator.offset), count: locator.storedByteCount)
    guard let bytes else { return "the segment ends before the note does" }
    do throws(FormatError) {
      _ = try NoteFrame.decode(bytes.span.bytes)
      return nil
    } catch {
      return "\(error)"
    }
  }
}

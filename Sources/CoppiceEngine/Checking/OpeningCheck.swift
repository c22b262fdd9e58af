internal import CoppiceFormat
internal import CoppicePlatform

/// Checks the files that opening reads: superblock, catalogue, journal.
struct OpeningCheck {
  let disk: any Disk
  let findings: FindingList

  /// Returns the superblock, if either copy is whole.
  func checkSuperblock() -> Superblock? {
    do throws(StoreError) {
      let copies = try StoreInspector(disk: disk).superblock().copies
      var whole: [Superblock] = []
      for (index, copy) in copies.enumerated() {
        switch copy {
        case .success(let superblock): whole.append(superblock)
        case .failure(let error): findings.add("superblock copy \(index + 1)", "\(error)")
        }
      }
      if whole.count == 2, whole[0] != whole[1] {
        findings.add(SuperblockFile.name, "its two copies differ")
      }
      return whole.first
    } catch {
      findings.add(SuperblockFile.name, error)
      return nil
    }
  }

  /// Returns the newest catalogue, if it is whole.
  func checkCatalogues() -> Catalogue? {
    do throws(StoreError) {
      let files = try StoreInspector(disk: disk).catalogues()
      if files.isEmpty { findings.add("catalogue", "the store has none") }
      for (index, file) in files.enumerated() {
        guard case .failure(let error) = file.content else { continue }
        findings.add(file.file, index == 0 ? "\(error)" : "\(error); it is kept for repair only")
      }
      return try? files.first?.content.get()
    } catch {
      findings.add("catalogue", error)
      return nil
    }
  }

  /// Content does not depend on these: a damaged one is told as what it is.
  func checkHints() {
    check(
      EngineHints.collectionFile, "the record of past deletions is lost with it, and estimates"
    ) { (bytes) throws(FormatError) in _ = try CollectionHints.decode(bytes.span.bytes) }
    check(EngineHints.scrubFile, "the place of the last scrub is lost with it") {
      (bytes) throws(FormatError) in _ = try ScrubHints.decode(bytes.span.bytes)
    }
    check(EngineHints.growthFile, "the history of growth is lost with it") {
      (bytes) throws(FormatError) in _ = try GrowthHints.decode(bytes.span.bytes)
    }
    check(EngineHints.spaceFile, "the history of space is lost with it, and what branches added") {
      (bytes) throws(FormatError) in _ = try SpaceHints.decode(bytes.span.bytes)
    }
  }

  private func check(
    _ file: String, _ loss: String, _ decode: ([UInt8]) throws(FormatError) -> Void
  ) {
    // One that is missing may never have been written.
    guard let bytes = try? disk.contents(of: file) else { return }
    do throws(FormatError) { try decode(bytes) } catch {
      findings.add(file, "\(error): \(loss); no content is")
    }
  }

  /// Reads the journal as opening would.
  ///
  /// - Parameter durable: of a journal that is being written: what was durable before; what comes
  ///   behind may be half there. `nil` when nobody writes.
  func checkJournal(_ superblock: Superblock, _ catalogue: Catalogue, through durable: LSN?) {
    while true {
      let before = try? disk.list(Journal.directory)
      do throws(StoreError) {
        if let durable {
          let found = try recover(superblock, catalogue, acceptsLoss: true)
          guard let loss = found.loss, loss.first <= durable else { return }
        }
        _ = try recover(superblock, catalogue, acceptsLoss: false)
        return
      } catch {
        // Files without records are given back while others are read.
        if durable != nil, error.kind == .notFound, before != (try? disk.list(Journal.directory)) {
          continue
        }
        return findings.add(error.object.isEmpty ? Journal.directory : error.object, error)
      }
    }
  }

  private func recover(
    _ superblock: Superblock, _ catalogue: Catalogue, acceptsLoss: Bool
  ) throws(StoreError) -> RecoveredJournal {
    try JournalRecovery(
      disk: disk, uuid: superblock.uuid, catalogue: catalogue, isReadOnly: true,
      acceptsLoss: acceptsLoss
    ).run()
  }
}

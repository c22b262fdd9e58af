internal import CoppiceEngine
internal import CoppiceErrors
internal import CoppiceFormat
internal import CoppicePlatform

/// Pages that a pull fetched together, verified, as the import takes them.
struct PulledPages {
  private let stored: PageReader.StoredFrames
  private let placed: PlacedPages
  private(set) var frames: [CopiedFrame] = []
  private var names: [FrameName] = []
  private var indices: [FrameName: Int] = [:]
  /// For which place each page is.
  private var places: [FrameName: (volume: VolumeNumber, page: PageNumber)] = [:]

  /// - Parameter placed: what earlier ones have become.
  init(_ stored: PageReader.StoredFrames, _ placed: PlacedPages) {
    self.stored = stored
    self.placed = placed
  }

  mutating func notePlaces(of leaf: Node, _ volume: VolumeNumber) {
    for (slot, page) in leaf.effectiveRefs {
      places[page.locator.name] = (volume, PageNumber(leaf.header.firstKey + UInt64(slot)))
    }
  }

  /// Verifies pages, and adds them with what they build on.
  ///
  /// - Parameters:
  ///   - here: of a page by its name, the full page of the store that it builds on.
  ///   - there: the one of the pool.
  ///
  /// Throws `corrupt` for the first that is damaged.
  mutating func add(
    _ pages: [Ref], here: [FrameName: Ref], there: [FrameName: Locator], _ reader: PageReader,
    _ staging: StagingImport
  ) throws(StoreError) {
    let fetched = Set(there.filter { here[$0.key] == nil }.values)
    let bases = try reader.decodeBases(Array(fetched), stored)
    let damage = try reader.verify(pages, stored) { page throws(StoreError) in
      guard page.locator.form.isDerived else { return nil }
      if let ref = here[page.locator.name] {
        return Array(try staging.fullPage(ref).contents)
      }
      return there[page.locator.name].flatMap { bases[$0.name]?.page }
    }
    if let first = damage.first { throw first.error }
    for page in pages where !page.locator.form.isDerived {
      add(page.hash, page.locator, .none, at: page.locator.name)
    }
    for page in pages where page.locator.form.isDerived {
      let name = page.locator.name
      if let ref = here[name] {
        add(page.hash, page.locator, .stored(ref), at: name)
        continue
      }
      guard let locator = there[name], let base = bases[locator.name] else { continue }
      if let known = placed.fullRef(of: Ref(hash: base.hash, locator: locator)) {
        add(page.hash, page.locator, .stored(known), at: name)
        continue
      }
      add(base.hash, locator, .none, at: name)
      guard let index = indices[locator.name] else { continue }
      add(page.hash, page.locator, .copied(index), at: name)
    }
  }

  private mutating func add(
    _ hash: PageHash, _ locator: Locator, _ base: CopiedFrame.Base, at name: FrameName
  ) {
    let ref = Ref(hash: hash, locator: locator)
    if indices[locator.name] != nil || placed.ref(of: ref) != nil { return }
    let place = places[name] ?? (.names, PageNumber(0))
    indices[locator.name] = frames.count
    names.append(locator.name)
    frames.append(
      CopiedFrame(
        hash: hash, form: locator.form,
        payload: UnsafeRawBufferPointer(
          rebasing: stored.bytes(of: locator.name)
            .dropFirst(locator.form.isDerived ? Locator.byteCount : 0)),
        base: base, volume: place.volume, page: place.page))
  }

  /// Where a leaf finds a page.
  func slot(_ page: Ref) -> CopiedLeaf.Slot {
    if let index = indices[page.locator.name] { return .copied(index) }
    guard let ref = placed.ref(of: page) else {
      preconditionFailure("\(page.locator.name) was fetched and not added")
    }
    return .stored(ref)
  }

  /// Notes what the pages have become.
  func note(_ refs: [Ref]) {
    for (name, ref) in zip(names, refs) { placed.note(ref, of: name) }
  }
}

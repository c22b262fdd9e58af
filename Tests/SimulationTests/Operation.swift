internal import CoppiceFormat

/// One change of a volume inside a transaction.
enum VolumeChange: Hashable, CustomStringConvertible {
  case write(VolumeNumber, offset: UInt64, byteCount: Int, seed: UInt64)
  case hole(VolumeNumber, offset: UInt64, byteCount: UInt64)
  case resize(VolumeNumber, byteCount: UInt64)
  case drop(VolumeNumber)

  var volume: VolumeNumber {
    switch self {
    case .write(let volume, _, _, _), .hole(let volume, _, _), .resize(let volume, _),
      .drop(let volume):
      volume
    }
  }

  var description: String {
    switch self {
    case .write(let volume, let offset, let count, let seed):
      "write \(volume.rawValue) \(offset)+\(count) #\(seed)"
    case .hole(let volume, let offset, let count): "hole \(volume.rawValue) \(offset)+\(count)"
    case .resize(let volume, let count): "resize \(volume.rawValue) \(count)"
    case .drop(let volume): "drop \(volume.rawValue)"
    }
  }
}

/// One step of a simulation. Values only, so that a run can be printed and replayed.
enum Operation: Hashable, CustomStringConvertible {
  case commit(BranchID, [VolumeChange])
  case flush(BranchID)
  case fork(BranchID, name: String, isReadOnly: Bool)
  case create(name: String, domain: DomainID = .standard)
  case rename(BranchID, name: String)
  case delete(BranchID)
  /// Deletes, forgets and collects.
  case deleteForGood(BranchID)
  case restore(BranchID, name: String)
  case reset(BranchID, to: BranchID)
  case annotate(BranchID, FieldTag, [UInt8]?)
  case set(SettingKey, [UInt8]?)
  /// Seals one bottom layer, the oldest.
  case sealStep
  case sealAll
  case checkpoint
  case collectGarbage(isFull: Bool)
  /// Looks at what came since the last collection only.
  case collectYoungGarbage
  /// Collects if the estimates ask for it.
  case collectAutomatically
  case importNew(name: String, seed: UInt64, domain: DomainID = .standard)
  /// An import that makes the branch hold something else.
  case importReplacing(BranchID, seed: UInt64)
  /// Shares stored pages of one branch's volume with another's.
  case share(BranchID, VolumeNumber, pages: Range<UInt64>, to: BranchID, VolumeNumber, at: UInt64)
  case witness
  case readSome(seed: UInt64)
  case closeAndOpen
  /// The process dies; the machine goes on.
  case kill
  case powerCut(seed: UInt64)
  case failSync(prefix: String, passing: Int)
  case failWrite(prefix: String, passing: Int)
  case limitDisk(freeByteCount: UInt64)
  case unlimitDisk

  var description: String {
    switch self {
    case .commit(let branch, let changes): "commit \(branch.rawValue) \(changes)"
    case .flush(let branch): "flush \(branch.rawValue)"
    case .fork(let branch, let name, let isReadOnly):
      "fork \(branch.rawValue) \(name)\(isReadOnly ? " read-only" : "")"
    case .create(let name, let domain): "create \(name) in \(domain.rawValue)"
    case .rename(let branch, let name): "rename \(branch.rawValue) \(name)"
    case .delete(let branch): "delete \(branch.rawValue)"
    case .deleteForGood(let branch): "delete \(branch.rawValue) for good"
    case .restore(let branch, let name): "restore \(branch.rawValue) \(name)"
    case .reset(let branch, let source): "reset \(branch.rawValue) to \(source.rawValue)"
    case .annotate(let branch, let tag, let value):
      "annotate \(branch.rawValue) \(tag.rawValue) \(value.map { "\($0)" } ?? "-")"
    case .set(let key, let value): "set \(key) \(value.map { "\($0)" } ?? "-")"
    case .sealStep: "seal step"
    case .sealAll: "seal all"
    case .checkpoint: "checkpoint"
    case .collectGarbage(let isFull): isFull ? "collect all garbage" : "collect garbage"
    case .collectYoungGarbage: "collect young garbage"
    case .collectAutomatically: "collect garbage if it is worth it"
    case .importNew(let name, let seed, let domain):
      "import \(name) #\(seed) in \(domain.rawValue)"
    case .importReplacing(let branch, let seed): "import over \(branch.rawValue) #\(seed)"
    case .share(let source, let volume, let pages, let target, let other, let page):
      "share \(source.rawValue)/\(volume.rawValue) \(pages) "
        + "with \(target.rawValue)/\(other.rawValue) at \(page)"
    case .witness: "witness"
    case .readSome(let seed): "read #\(seed)"
    case .closeAndOpen: "close and open"
    case .kill: "kill"
    case .powerCut(let seed): "power cut #\(seed)"
    case .failSync(let prefix, let passing): "fail sync \(prefix) after \(passing)"
    case .failWrite(let prefix, let passing): "fail write \(prefix) after \(passing)"
    case .limitDisk(let count): "limit disk to \(count) more bytes"
    case .unlimitDisk: "unlimit disk"
    }
  }
}

extension Operation {
  /// What a fork, a snapshot or a new branch of that name is made with.
  static func annotations(of name: String) -> [FieldChange] {
    guard name.utf8.last?.isMultiple(of: 3) ?? false else { return [] }
    return [FieldChange(FieldTag(6), Array(name.utf8)), FieldChange(FieldTag(0x4009), nil)]
  }
}

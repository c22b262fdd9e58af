internal import CoppiceFormat

extension ForgottenBranch {
  var runCount: Int { runs.count + sharedRuns.count }
}

extension CollectionHints {
  private static let forgottenCountMax = 4096
  private static let runCountMax = 1 << 16
  /// Of those that wait for a proof: 16 bytes of RAM each, and 12 in the file.
  private static let waitingRunCountMax = 1 << 20

  /// No dead frame is left: of branches of which not all frames are known, none are there either.
  ///
  /// - Parameter hasBases: whether pages are there that nothing shows and others build on.
  mutating func noteAllGone(hasBases: Bool) {
    for index in forgotten.indices where !forgotten[index].isComplete {
      forgotten[index].isComplete = true
      forgotten[index].mayHaveBases = hasBases
    }
  }

  /// The journal holds no record of these branches any more.
  mutating func noteErased(_ branches: Set<BranchID>) {
    for index in forgotten.indices where branches.contains(forgotten[index].id) {
      forgotten[index].isErased = true
    }
  }

  /// Remembers what became of branches. When there are too many the oldest go, but none of these:
  /// of those that alone have too many frames it is only known that there were some, until a
  /// collection has left nothing dead.
  ///
  /// - Parameter waiting: those that wait for a proof. They are as many as the collector lets wait,
  ///   and count apart.
  mutating func remember(_ branches: [ForgottenBranch], keeping waiting: Set<BranchID>) {
    let added = Set(branches.map(\.id))
    forgotten += Self.bounded(branches, keeping: waiting)
    var rest = Rest(count: 0, runCount: 0)
    var restOfWaiting = rest
    for branch in forgotten {
      if waiting.contains(branch.id) { restOfWaiting.add(branch) } else { rest.add(branch) }
    }
    forgotten.removeAll { branch in
      if added.contains(branch.id) { return false }
      if waiting.contains(branch.id) {
        guard restOfWaiting.runCount > Self.waitingRunCountMax else { return false }
        restOfWaiting.remove(branch)
      } else {
        guard rest.count > Self.forgottenCountMax || rest.runCount > Self.runCountMax else {
          return false
        }
        rest.remove(branch)
      }
      return true
    }
  }

  /// With so many runs as are remembered at most.
  private static func bounded(
    _ branches: [ForgottenBranch], keeping waiting: Set<BranchID>
  ) -> [ForgottenBranch] {
    var (room, roomOfWaiting) = (runCountMax, waitingRunCountMax)
    return branches.map { branch in
      let isWaiting = waiting.contains(branch.id)
      guard branch.runCount > (isWaiting ? roomOfWaiting : room) else {
        if isWaiting { roomOfWaiting -= branch.runCount } else { room -= branch.runCount }
        return branch
      }
      var bounded = branch
      (bounded.runs, bounded.sharedRuns, bounded.isComplete) = ([], [], false)
      return bounded
    }
  }

  private struct Rest {
    var count: Int
    var runCount: Int

    mutating func add(_ branch: ForgottenBranch) {
      count += 1
      runCount += branch.runCount
    }

    mutating func remove(_ branch: ForgottenBranch) {
      count -= 1
      runCount -= branch.runCount
    }
  }
}

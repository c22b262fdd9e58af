import Coppice
import CoppiceEngine
import CoppiceFormat
import CoppicePlatform
import Synchronization
import TestSupport
import Testing

/// Real threads on one branch: readers and writers of names and content at once.
@Suite struct ThreadedTests {
  @Test func `readers see whole transactions while writers work`() throws {
    let fixture = try StoreFixture()
    let branch = try fixture.store.createBranch("main")
    let pairs = 40
    // Each transaction moves one file between two directories: together they always hold all.
    let left = try branch.createDirectories("left")
    let right = try branch.createDirectories("right")
    for number in 0..<pairs { try branch.createFile(FileName("f\(number)"), in: left) }
    let isDone = Atomic<Bool>(false)
    let problems = Mutex<[String]>([])
    let note: @Sendable (String) -> Void = { text in problems.withLock { $0.append(text) } }

    var threads: [SystemThread] = []
    for seed in 1...2 as ClosedRange<UInt64> {
      threads.append(
        try SystemThread(name: "writer") {
          var random = SplitMix64(seed: seed)
          for _ in 0..<300 {
            let name = FileName(stringLiteral: "f\(random.below(pairs))")
            do throws(StoreError) {
              try branch.transaction { changes throws(StoreError) in
                let isLeft = try changes.lookupIfPresent(name, in: left) != nil
                try changes.rename(
                  name, in: isLeft ? left : right, to: name, in: isLeft ? right : left)
              }
            } catch {
              note(error.description)
            }
          }
        })
    }
    let reader = try SystemThread(name: "reader") {
      while !isDone.load(ordering: .relaxed) {
        do throws(StoreError) {
          let names = try branch.core.read { names throws(StoreError) in
            try names.entries(of: left, after: nil, limit: .max)
              + names.entries(of: right, after: nil, limit: .max)
          }
          if names.count != pairs { note("\(names.count) names") }
          for entry in names.prefix(3) { _ = try branch.attributes(of: entry.file) }
        } catch {
          note(error.description)
        }
      }
    }
    for thread in threads { thread.join() }
    isDone.store(true, ordering: .relaxed)
    reader.join()
    #expect(problems.withLock { $0 } == [])
    #expect(try branch.core.checkNames() == [])
  }

  @Test func `opening and removing the same files never loses or leaks one`() throws {
    let fixture = try StoreFixture()
    let branch = try fixture.store.createBranch("main")
    let problems = Mutex<[String]>([])
    let note: @Sendable (String) -> Void = { text in problems.withLock { $0.append(text) } }
    let creator = try SystemThread(name: "creator") {
      for number in 0..<400 {
        do throws(StoreError) {
          try branch.writeFile(BranchPath(stringLiteral: "f\(number % 5)"), [1, 2, 3])
          try branch.remove(FileName(stringLiteral: "f\(number % 5)"), in: .root)
        } catch {
          note(error.description)
        }
      }
    }
    let opener = try SystemThread(name: "opener") {
      for number in 0..<2000 {
        do throws(StoreError) {
          let entry = try branch.lookupIfPresent(
            FileName(stringLiteral: "f\(number % 5)"), in: .root)
          guard let entry else { continue }
          let file = try branch.open(entry.file)
          let count = try branch.read(entry.file).count
          if count != 3, count != 0 { note("\(count) bytes") }
          file.close()
        } catch {
          if error.kind != .notFound { note(error.description) }
        }
      }
    }
    creator.join()
    opener.join()
    #expect(problems.withLock { $0 } == [])
    #expect(try branch.readDirectory(.root).isEmpty)
    #expect(branch.openFileCount == 0)
    // One inode is left, the root's.
    #expect(try branch.core.read { names throws(StoreError) in names.header.cellCount } == 1)
    #expect(try branch.core.checkNames() == [])
  }
}

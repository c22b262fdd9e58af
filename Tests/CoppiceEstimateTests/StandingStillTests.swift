import Coppice
import CoppiceEstimate
import Foundation
import Synchronization
import TestSupport
import Testing

/// Inputs that change while they are read make no number.
@Suite struct StandingStillTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    try Program("bash").check(
      [
        "-euc",
        """
        mkdir -p a/deep b/deep; seq 1 900000 > a/deep/big; seq 2 900000 > b/deep/big
        printf 1 > a/first; printf 1 > b/first; printf 9 > a/zlast; printf 9 > b/zlast
        tar -cf b.tar -C b .
        """,
      ], in: folder.path)
  }

  private final class Flag: Sendable {
    private let isSet = Mutex(false)

    /// Whether it was not set before.
    func set() -> Bool {
      isSet.withLock { isSet in
        defer { isSet = true }
        return !isSet
      }
    }
  }

  /// The error of an estimate during which a script runs, once a part was read.
  private func failure(of script: String, after: String = "b") throws -> StoreError? {
    let flag = Flag()
    do throws(StoreError) {
      _ = try Estimate.run(before: folder("a"), after: folder(after)) { [folder] progress in
        if flag.set() { _ = try? Program("bash").check(["-euc", script], in: folder.path) }
      }
    } catch {
      return error
    }
    #expect(!flag.set(), "nothing was told of its progress")
    return nil
  }

  @Test(arguments: [
    ("printf 2 > b/first", "b/first"), ("printf x >> a/deep/big", "a/deep/big"),
    ("rm b/zlast", "b/zlast"), ("printf x > a/new", "a/new"), ("touch b/deep/big", "b/deep/big"),
    ("rm -r b/deep", "b/deep"), ("chmod 600 a/first", "a/first"),
    ("truncate -s 100 b/deep/big", "b/deep/big"), ("mkdir a/made", "a/made"),
  ])
  func `whatever changes is named`(script: String, path: String) throws {
    let error = try #require(try failure(of: script))
    #expect(error.kind == .conflict && error.object.contains(path), "\(error)")
    #expect(error.message.contains("while it was read") || error.message.contains("ends at byte"))
    #expect(!error.remedy.isEmpty)
  }

  @Test func `so does a tar`() throws {
    let error = try #require(try failure(of: "printf x >> b.tar", after: "b.tar"))
    #expect(error.kind == .conflict && error.object.hasSuffix("/b.tar"), "\(error)")
  }

  @Test func `reading alone changes nothing`() throws {
    #expect(try failure(of: "cat b/first b/deep/big a/deep/big > /dev/null") == nil)
  }
}

import CoppicePlatform
import CoppicePools
import CoppiceS3
import S3TestServer
import Testing

/// Stores that the probe must refuse, over real connections.
@Suite struct S3ProbeTests {
  private func error(
    _ change: (inout S3Behaviour) -> Void
  ) throws -> ObjectStoreError? {
    let server = try S3TestServer()
    change(&server.behaviour)
    let probe = ObjectStoreProbe(token: 5, pool: try WorkerPool(threadCount: 7)) {
      style throws(ObjectStoreError) in
      do {
        return [try server.store { $0.tagStyle = style }, try server.store { $0.tagStyle = style }]
      } catch { throw ObjectStoreError(.unreachable, "\(error)") }
    }
    do throws(ObjectStoreError) {
      _ = try probe.run()
      return nil
    } catch { return error }
  }

  @Test func `a store that keeps conditions passes`() throws {
    #expect(try error { $0.tags = .plain } == nil)
    #expect(try error { $0.tags = .either } == nil)
  }

  @Test func `a store that ignores conditions is refused`() throws {
    let error = try #require(try error { $0.conditions = .ignored })
    #expect(error.kind == .invalid)
    #expect(error.cause?.contains("the probe's round of") ?? false)
  }

  @Test func `a store that looks at conditions before it writes is refused`() throws {
    let error = try #require(try error { $0.conditions = .checkedEarly(milliseconds: 50) })
    #expect(error.kind == .invalid)
    #expect(error.cause?.hasPrefix("the probe's round of writers") ?? false)
    #expect(error.message.contains("of 8 writers are told that they"))
  }

  @Test func `a store without conditional writes is refused`() throws {
    let error = try #require(try error { $0.conditions = .unsupported })
    #expect(error.kind == .invalid)
    #expect(error.cause?.contains("501") ?? false)
  }

  @Test func `a store that writes a missing object on any tag is refused`() throws {
    let error = try #require(try error { $0.missingStatus = 200 })
    #expect(error.kind == .invalid)
    #expect(error.cause == "the probe's round of missing objects")
  }

  @Test func `a store that answers 403 for missing objects is refused`() throws {
    let error = try #require(try error { $0.hidesMissing = true })
    #expect(error.kind == .denied)
    #expect(error.message.contains("right to list"))
  }
}

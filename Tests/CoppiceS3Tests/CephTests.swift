import CoppicePlatform
import CoppicePools
import CoppiceS3
import Testing

/// What only a real gateway of Ceph shows.
@Suite(.enabled(if: Ceph.isMet, Ceph.comment)) struct CephTests {
  @Test func `the probe finds that a gateway of Ceph wants tags without quotes`() throws {
    let probe = ObjectStoreProbe(token: 12, pool: try WorkerPool(threadCount: 7)) {
      style throws(ObjectStoreError) in
      do { return [try Ceph.store(prefix: "probed") { $0.tagStyle = style }] } catch {
        throw ObjectStoreError(.unreachable, "\(error)")
      }
    }
    let report = try probe.run()
    #expect(report.tagStyle == .plain)
    #expect(report.roundCount == 16)
  }

  @Test func `a bucket that is not there is no missing object`() throws {
    let store = try Ceph.store { settings in
      if let location = try? S3Location("s3://nobucket/a") { settings.location = location }
    }
    let key = ObjectKey(known: "a")
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .invalid)
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .invalid)
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .invalid)
    #expect(kind { () throws(ObjectStoreError) in try store.list("", from: nil) } == .invalid)
  }

  @Test func `a wrong secret is denied`() throws {
    let known = ["AWS_ACCESS_KEY_ID": "COPPICETESTKEY", "AWS_SECRET_ACCESS_KEY": "wrong"]
    let store = try Ceph.store(source: CredentialSource(.environment) { known[$0] })
    let key = ObjectKey(known: "a")
    #expect(kind { () throws(ObjectStoreError) in try store.get(key, nil) } == .denied)
    #expect(kind { () throws(ObjectStoreError) in try store.head(key) } == .denied)
    #expect(kind { () throws(ObjectStoreError) in try store.create(key, [1]) } == .denied)
  }
}

import Coppice
import CoppiceServer
import Testing

/// Requests on their way through HTTP.
@Suite struct RequestCodingTests {
  /// The request as it arrives.
  private func arrived<Request: WireRequest>(_ request: Request) throws -> Request {
    let encoded = EncodedRequest(request)
    let parts = encoded.path.split(separator: "?", maxSplits: 1).map(String.init)
    return try Request(
      path: parts[0], query: try Percent.query(parts.count > 1 ? parts[1] : ""),
      body: encoded.body ?? [])
  }

  @Test(arguments: [
    "main", "main@monday", "größer", "a b", "100%", "a?b#c&d=e+f", "%2F", "", "-", "...", "\"",
    String(repeating: "x", count: 200),
  ])
  func `a name arrives as it was sent, whatever is in it`(name: String) throws {
    #expect(try arrived(BranchShowRequest(name: name)).name == name)
    let rename = try arrived(BranchRenameRequest(name: name, newName: "new \(name)"))
    #expect(rename.name == name)
    #expect(rename.newName == "new \(name)")
    let reset = try arrived(
      BranchResetRequest(name: name, to: name, keepOld: name, force: true, dryRun: false))
    #expect(reset.name == name)
    #expect(reset.keepOld == name)
    #expect(reset.force && !reset.dryRun)
    let list = try arrived(FileListRequest(entry: name, path: name))
    #expect(list.entry == name)
    #expect(list.path == name)
  }

  @Test(arguments: [[], ["one"], ["a", "b", "c"], ["x&names=y", ""]])
  func `lists arrive in their order`(names: [String]) throws {
    #expect(try arrived(UsageRequest(names: names)).names == names)
    let request = BranchDeleteRequest(
      names: names, ifExists: true, snapshots: false, force: true, now: true, dryRun: false)
    let deletion = try arrived(request)
    #expect(deletion.names == names)
    #expect(deletion.ifExists && deletion.force && deletion.now)
    #expect(!deletion.snapshots && !deletion.dryRun)
  }

  @Test func `numbers and missing values arrive as such`() throws {
    let scrub = try arrived(
      ScrubRequest(
        byteCountPerSecond: .max, byteCountMax: nil, from: "1:64", restart: false))
    #expect(scrub.byteCountPerSecond == .max)
    #expect(scrub.byteCountMax == nil)
    #expect(scrub.from == "1:64")
  }

  @Test func `what a request lacks or has too much is told`() throws {
    let few = #expect(throws: StoreError.self) {
      _ = try DiffRequest(path: "/v1/diff", query: [("old", "main")], body: [])
    }
    #expect(few?.kind == .invalid)
    #expect(few?.message.contains("'new' is missing") == true)
    let many = #expect(throws: StoreError.self) {
      _ = try BranchListRequest(path: "/v1/branches", query: [("color", "red")], body: [])
    }
    #expect(many?.message.contains("'color'") == true)
    let wrong = #expect(throws: StoreError.self) {
      _ = try BranchDeleteRequest(path: "/v1/branches", query: [("force", "maybe")], body: [])
    }
    #expect(wrong?.message.contains("true or false") == true)
    let body = #expect(throws: StoreError.self) {
      _ = try SnapshotCreateRequest(path: "/v1/snapshots", query: [], body: Array("{".utf8))
    }
    #expect(body?.kind == .invalid)
    #expect(throws: StoreError.self) { try Percent.decode("%zz") }
    #expect(throws: StoreError.self) { try Percent.decode("%2") }
    #expect(throws: StoreError.self) { try Percent.decode("%+f") }
    #expect(try Percent.decode("a%20b%E2%82%AC%c3%a9") == "a b\u{20AC}\u{E9}")
  }

  @Test func `Booleans may be left out`() throws {
    let request = try BranchDeleteRequest(path: "/v1/branches", query: [], body: [])
    #expect(!request.force && request.names.isEmpty)
    let list = try BranchListRequest(
      path: "/v1/branches", query: [("state", "all"), ("labels", "a=b"), ("labels", "c=d")],
      body: [])
    #expect(list.state == .all && list.labels == ["a=b", "c=d"])
    let create = try BranchCreateRequest(
      path: "/v1/branches", query: [], body: Array(#"{"name": "main"}"#.utf8))
    #expect(create.name == "main")
    #expect(create.from == nil && !create.postgres && create.terms == nil)
    let ending = try BranchCreateRequest(
      path: "/v1/branches", query: [],
      body: Array(#"{"name": "main", "terms": {"ttlSeconds": 60}}"#.utf8))
    #expect(ending.terms?.ttlSeconds == 60 && ending.terms?.labels == nil)
  }

  @Test(arguments: StoreError.Kind.allCases)
  func `an error arrives whole`(kind: StoreError.Kind) throws {
    let error = StoreError(
      kind, "what", object: "object", remedy: "remedy", cause: "cause", reason: .stale)
    let bytes = JSON.encode(ErrorAnswer(error))
    #expect(try JSON.decode(ErrorAnswer.self, from: bytes).storeError == error)
  }

  @Test func `every kind of error has a status of its own`() {
    let statuses = StoreError.Kind.allCases.map(\.httpStatus)
    #expect(Set(statuses).count == statuses.count)
    #expect(statuses.allSatisfy { (400...599).contains($0) })
  }
}

import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import TestSupport
import Testing

/// What server and launcher say to each other, as bytes.
struct LauncherMessageTests {
  private static let launch = Launch(
    program: "/usr/lib/postgresql/15/bin/postgres", arguments: ["-D", "/m/main", "-c", "a=b c"],
    environment: ["TZ": "UTC", "HOME": ""], isolation: .full, userID: 300_001, groupID: 300_002,
    data: "/m/main", runDirectory: "/run/coppice/1/run", readOnlyPaths: ["/run/coppice/1/conf"],
    outOfMemoryScore: -5, openFileCountMax: 7, processCountMax: 8)

  private static let requests: [LauncherRequest] = [
    .start(1, launch), .signal(.max, .kill), .signal(0, .hangUp),
    .start(
      2,
      Launch(
        program: "", arguments: [], isolation: .none, userID: 0, groupID: 0, data: "",
        runDirectory: "")),
  ]

  private static let replies: [LauncherReply] = [
    .ready(.user, note: "no namespaces"), .started(7, process: 4711),
    .failed(
      8,
      StoreError(
        .denied, "message", object: "object", remedy: "remedy", cause: "cause", reason: .policy)),
    .failed(9, StoreError(.full, "message")),
    .ended(1, .exited(3)), .ended(2, .killed(9)), .ended(3, .unknown),
  ]

  @Test func `requests and replies are read as they were written`() throws {
    for request in Self.requests { #expect(try LauncherRequest(request.encode()) == request) }
    for reply in Self.replies { #expect(try LauncherReply(reply.encode()) == reply) }
  }

  @Test func `no shortened or lengthened message is read`() {
    for bytes in Self.requests.map({ $0.encode() }) {
      for count in 0..<bytes.count {
        #expect(throws: MessageFailure.self) { try LauncherRequest(Array(bytes.prefix(count))) }
      }
      #expect(throws: MessageFailure.hasRest) { try LauncherRequest(bytes + [0]) }
    }
    for bytes in Self.replies.map({ $0.encode() }) {
      for count in 0..<bytes.count {
        #expect(throws: MessageFailure.self) { try LauncherReply(Array(bytes.prefix(count))) }
      }
      #expect(throws: MessageFailure.hasRest) { try LauncherReply(bytes + [0]) }
    }
  }

  @Test func `what a message may not have is refused`() throws {
    let signal = LauncherRequest.signal(1, .quit).encode()
    for (place, value, failure) in [
      (0, 2, MessageFailure.isUnknown("version 2")), (1, 9, .isUnknown("word 9")),
      (10, 77, .isUnknown("signal 77")),
    ] {
      var bytes = signal
      bytes[place] = UInt8(value)
      #expect(throws: failure) { try LauncherRequest(bytes) }
    }
    var launch = Self.launch
    launch.program = "/a$'\\x00'b"
    #expect(throws: MessageFailure.isNoText) {
      try LauncherRequest(LauncherRequest.start(1, launch).encode())
    }
    launch.program = String(repeating: "a", count: 1 << 14)
    #expect(throws: MessageFailure.isTooLong) {
      try LauncherRequest(LauncherRequest.start(1, launch).encode())
    }
    launch.program = ""
    launch.arguments = Array(repeating: "", count: 513)
    #expect(throws: MessageFailure.isTooLong) {
      try LauncherRequest(LauncherRequest.start(1, launch).encode())
    }
    launch.arguments = []
    launch.environment = ["": "x"]
    #expect(throws: MessageFailure.isUnknown("a variable ''")) {
      try LauncherRequest(LauncherRequest.start(1, launch).encode())
    }
    launch.environment = [:]
    launch.outOfMemoryScore = 1001
    #expect(throws: MessageFailure.isUnknown("score 1001")) {
      try LauncherRequest(LauncherRequest.start(1, launch).encode())
    }
  }

  @Test func `long words of an error are cut`() throws {
    let long = String(repeating: "ä", count: 60_000)
    let error = StoreError(.invalid, long, object: long, remedy: Remedy(long), cause: long)
    guard case .failed(1, let read) = try LauncherReply(LauncherReply.failed(1, error).encode())
    else {
      Issue.record("another reply")
      return
    }
    #expect(read.message == String(long.prefix(1024)))
    #expect(read.kind == .invalid)
  }

  @Test func `mutated messages give a value that is written as it was read, or an error`() {
    let requests = FormatDecoder(
      name: "launcher-request", samples: Self.requests.map { $0.encode() }
    ) { bytes in
      let request = try LauncherRequest(Array(bytes))
      let again = try LauncherRequest(request.encode())
      precondition(again == request)
    }
    let replies = FormatDecoder(
      name: "launcher-reply", samples: Self.replies.map { $0.encode() }
    ) { bytes in
      let reply = try LauncherReply(Array(bytes))
      let again = try LauncherReply(reply.encode())
      precondition(again == reply)
    }
    for decoder in [requests, replies] {
      var mutator = InputMutator(seed: 13, samples: decoder.samples)
      var decodedCount = 0
      for _ in 0..<20_000 { decodedCount += decoder.run(mutator.next()) }
      #expect(decodedCount > 0, "\(decoder)")
    }
  }
}

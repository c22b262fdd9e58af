import CoppiceErrors
import CoppicePostgreSQL
import TestSupport
import Testing

struct ControlFileTests {
  @Test(.enabled(if: InstalledServer.isThere), arguments: InstalledServer.all)
  func `a server's control file says what its own program says`(_ server: InstalledServer) throws {
    let cluster = try TestCluster(server)
    let control = try cluster.controlFile()
    let text = try cluster.run("pg_controldata", ["-D", cluster.data]).text
    let told = Dictionary(
      text.split(separator: "\n").map { line in
        let end = line.firstIndex(of: ":") ?? line.endIndex
        return (String(line[..<end]), String(line[end...].dropFirst().drop { $0 == " " }))
      }
    ) { first, _ in first }
    #expect(told["pg_control version number"] == "\(control.controlVersion)")
    #expect(told["Catalog version number"] == "\(control.catalogVersion)")
    #expect(told["Database system identifier"] == "\(control.systemIdentifier)")
    #expect(told["Database cluster state"] == "shut down")
    #expect(control.state == .shutDown)
    #expect(told["Latest checkpoint location"] == "\(control.checkpoint)")
    #expect(told["Latest checkpoint's REDO location"] == "\(control.redo)")
    #expect(told["Latest checkpoint's TimeLineID"] == "\(control.timeline)")
    #expect(told["Database block size"] == "\(control.blockByteCount)")
    #expect(told["WAL block size"] == "\(control.walBlockByteCount)")
    #expect(told["Bytes per WAL segment"] == "\(control.walSegmentByteCount)")
    #expect(told["Data page checksum version"] == "\(control.dataChecksumVersion)")
    let limits = control.limits
    #expect(told["wal_level setting"] == "\(limits.logLevel)")
    #expect(told["wal_log_hints setting"] == (limits.logsHints ? "on" : "off"))
    #expect(told["max_connections setting"] == "\(limits.connectionCountMax)")
    #expect(told["max_worker_processes setting"] == "\(limits.workerCountMax)")
    #expect(told["max_wal_senders setting"] == "\(limits.senderCountMax)")
    #expect(told["max_prepared_xacts setting"] == "\(limits.preparedTransactionCountMax)")
    #expect(told["max_locks_per_xact setting"] == "\(limits.lockCountMax)")
    #expect(told["track_commit_timestamp setting"] == (limits.keepsCommitTimes ? "on" : "off"))
  }

  @Test(arguments: [(1300, 14), (1300, 15), (1300, 16), (1700, 17), (1800, 18)])
  func `each known version is read by its layout`(version: UInt32, major: Int) throws {
    var sample = SampleControlFile(version: version)
    sample.set(176, UInt8(1))
    sample.set(200, UInt8(1))
    sample.seal()
    let control = try ControlFile(sample.bytes, of: MajorVersion(major))
    #expect(control.systemIdentifier == 0x6A0B_1C2D_3E4F_5061)
    #expect(control.controlVersion == version)
    #expect(control.catalogVersion == 202_209_061)
    #expect(control.state == .shutDown)
    #expect("\(control.checkpoint)" == "1/28")
    #expect(control.redo < control.checkpoint)
    #expect(control.timeline == 3)
    #expect(control.blockByteCount == 8192)
    #expect(control.walBlockByteCount == 8192)
    #expect(control.walSegmentByteCount == 16 << 20)
    #expect(control.dataChecksumVersion == 1)
    var limits = RecoveryLimits.usual
    limits.logsHints = true
    limits.keepsCommitTimes = true
    limits.preparedTransactionCountMax = 5
    #expect(control.limits == limits)
  }

  @Test(arguments: ControlFile.State.allCases)
  func `each state is told`(_ state: ControlFile.State) throws {
    var sample = SampleControlFile(version: 1300)
    sample.set(16, state.rawValue)
    sample.seal()
    #expect(try ControlFile(sample.bytes, of: MajorVersion(15)).state == state)
  }

  /// What is wrong with it, as a message has it.
  private static func error(
    of major: Int = 15, version: UInt32 = 1300, sealing: Bool = true,
    _ change: (inout SampleControlFile) -> Void
  ) -> StoreError? {
    var sample = SampleControlFile(version: version)
    change(&sample)
    if sealing { sample.seal() }
    return #expect(throws: StoreError.self) {
      try ControlFile(sample.bytes, of: MajorVersion(major), at: "data/global/pg_control")
    }
  }

  @Test func `a file of another byte order is told from one of another version`() {
    let swapped = Self.error { $0.set(8, UInt32(1300).byteSwapped) }
    #expect(swapped?.kind == .unsupportedFormat)
    #expect(swapped?.message == "written by a machine of another byte order")
    #expect(swapped?.object == "data/global/pg_control")
    let other = Self.error { $0.set(8, UInt32(1201)) }
    #expect(other?.kind == .unsupportedFormat)
    #expect(other?.message == "a control file of version 1201, which is not known")
    #expect(other?.remedy.isEmpty == false)
  }

  @Test func `a version that is not the cluster's is damage`() {
    let error = Self.error(of: 15, version: 1800) { _ in }
    #expect(error?.kind == .corrupt)
    #expect(error?.message == "a control file of version 1800 in a cluster of PostgreSQL 15")
  }

  @Test func `every flipped byte that the checksum covers is found`() {
    for offset in Array(12..<292) {
      let error = Self.error(sealing: false) { $0.bytes[offset] ^= 0x10 }
      #expect(error?.kind == .corrupt)
      #expect(error?.message == "the checksum of the control file does not fit")
    }
  }

  @Test func `blocks of another size are named`() {
    let data = Self.error { $0.set(216, UInt32(32_768)) }
    #expect(data?.kind == .unsupportedFormat)
    #expect(data?.message.contains("blocks of 32768 bytes and log blocks of 8192") == true)
    let log = Self.error { $0.set(224, UInt32(4096)) }
    #expect(log?.message.contains("log blocks of 4096") == true)
  }

  @Test func `values of another layout are refused`() {
    for change: (inout SampleControlFile) -> Void in [
      { $0.set(204, UInt32(4)) }, { $0.set(208, UInt64(7)) }, { $0.set(248, UInt8(0)) },
    ] {
      let error = Self.error(change)
      #expect(error?.kind == .unsupportedFormat)
      #expect(error?.message == "written by a machine that lays values out in another way")
    }
  }

  @Test func `states, levels and log files that there are not are damage`() {
    #expect(Self.error { $0.set(16, UInt32(7)) }?.kind == .corrupt)
    #expect(Self.error { $0.set(172, UInt32(3)) }?.kind == .corrupt)
    for count: UInt32 in [0, 3 << 20, 1 << 19, 1 << 31] {
      let error = Self.error { $0.set(228, count) }
      #expect(error?.message == "the control file tells of log files of \(count) bytes")
    }
  }

  @Test(arguments: [0, 11, 12, 291])
  func `a short file is told by its bytes`(count: Int) {
    let sample = SampleControlFile(version: 1300)
    let error = #expect(throws: StoreError.self) {
      try ControlFile(sample.bytes.prefix(count), of: MajorVersion(15))
    }
    #expect(error?.kind == .corrupt)
    #expect(error?.message == "the control file has \(count) bytes, too few")
  }
}

struct PostgreSQLDecoderTests {
  @Test(arguments: FormatDecoder.postgreSQL)
  func `samples decode, and thousands of broken ones give a value or an error`(
    _ decoder: FormatDecoder
  ) throws {
    for sample in decoder.samples { try sample.withUnsafeBytes(decoder.decode) }
    for sample in decoder.samples {
      for count in 0..<min(sample.count, 400) { decoder.run(Array(sample.prefix(count))) }
    }
    var mutator = InputMutator(seed: 31, samples: decoder.samples)
    var decoded = 0
    for _ in 0..<2000 { decoded += decoder.run(mutator.next()) }
    #expect(decoded > 0)
  }
}

internal import ArgumentParser
internal import Coppice
internal import CoppiceEngine
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppiceServer

struct ProofVerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Verify a proof of deletion, without a store.",
    discussion: """
      Ends with status 0 when the key signed it and it says that nothing is left, 2 when the key \
      signed it and something is or may be, 8 when it is cut or not what was signed, 64 when \
      another key signed it or it is a proof of something else.

      JSON: \(ProofReport.keys). subject and predicate are what the key signed: the branch, then \
      the snapshots that went with it, and what became of what they alone held. Null is what is \
      not known, as amounts after a crash. deletedBy is the user of the machine who asked for it; \
      ending says of what a branch ended by itself, and is null of one that somebody deleted. \
      exports and auditHead are empty and null in stores that record neither. notCovered says in \
      sentences what the proof says nothing about.

      Example:
        coppice proof verify trial-7.json --key store.pem
      """)

  @Argument(help: "The proof's file.")
  var file: String

  @Option(name: .long, help: ArgumentHelp("The public key, in PEM.", valueName: "file"))
  var key: String

  @Flag(name: .long, help: "Answer in JSON; errors too, on standard error.")
  var json = false

  func run() throws {
    let pem = try Self.read(key, atMost: 1 << 16)
    let bytes = try Self.read(file, atMost: Envelope.byteCountMax)
    let publicKey = try Self.naming(key) { () throws(StoreError) in
      try PublicProofKey(pem: String(decoding: pem, as: UTF8.self))
    }
    let proof = try Self.naming(file) { () throws(StoreError) in
      try VerifiedProof(Envelope(bytes), signedBy: publicKey)
    }
    try Output.print(ProofReport(proof), isJSON: json)
    if proof.verdict == .held { throw ExitCode(ExitStatus.finding.rawValue) }
  }

  /// Throws `invalid` for a file with more bytes.
  private static func read(_ path: String, atMost byteCountMax: Int) throws(StoreError) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCountMax + 1)
    var count: Int?
    do throws(SystemError) {
      let file = try HostFile(reading: path)
      if try file.status().kind != .directory {
        count = try bytes.withUnsafeMutableBufferPointer { buffer throws(SystemError) in
          try file.readNext(into: UnsafeMutableRawBufferPointer(buffer))
        }
      }
    } catch {
      throw StoreError(error, while: "reading the file")
    }
    guard let count else {
      throw StoreError(.invalid, "is a directory", object: path, remedy: "name a file")
    }
    guard count <= byteCountMax else {
      throw StoreError(
        .invalid, "has more than \(byteCountMax) bytes", object: path,
        remedy: "give a proof, and a public key in PEM")
    }
    return Array(bytes[..<count])
  }

  /// Errors say in which file.
  private static func naming<Result>(
    _ path: String, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    do throws(StoreError) { return try body() } catch {
      var failure = error
      failure.object = path
      throw failure
    }
  }
}

/// What a proof says that its key signed.
struct ProofReport: Codable {
  var isReclaimed: Bool
  /// Of the key that signed it.
  var keyID: String
  var subject: [ReclaimStatement.Subject]
  var predicate: ReclaimPredicate

  init(_ proof: VerifiedProof) {
    isReclaimed = proof.verdict == .reclaimed
    keyID = proof.keyID
    subject = proof.statement.subject
    predicate = proof.statement.predicate
  }
}

extension ProofReport: Reply {
  var text: String {
    let branch = Output.printable(predicate.branch.name)
    var text = "Signed by the key \(Output.printable(keyID))\n"
    text += "Branch \(branch), number \(predicate.branch.id), of the store "
    text += "\(Output.printable(predicate.store)), deleted \(Output.time(predicate.deletedAt))\n"
    for snapshot in predicate.snapshots {
      text += "with the snapshot \(Output.printable(snapshot.name))\n"
    }
    if let ending = predicate.ending {
      text += "It ended by itself: \(ending.cause.rawValue)"
      text += ending.by.map { ", by \(Output.printable($0))" } ?? ""
      text += "\n"
    }
    text += "As of \(Output.time(predicate.provedAt)): "
    text += isReclaimed ? "\(amount(of: "all")) is gone\n" : unreclaimed
    text += "It says nothing about:\n"
    for sentence in predicate.notCovered { text += "  \(Output.printable(sentence))\n" }
    return text
  }

  private func amount(of part: String) -> String {
    guard let byteCount = predicate.uniqueByteCount, let pageCount = predicate.uniquePageCount
    else {
      return "\(part) that only it held"
    }
    return "\(part) of the \(Output.bytes(byteCount)) that only it held "
      + "(\(Output.count(Int(clamping: pageCount), "page")))"
  }

  private var unreclaimed: String {
    var text = "not all is gone that only it held\n"
    if let byteCount = predicate.reclaimedByteCount {
      text = "\(amount(of: Output.bytes(byteCount))) is gone\n"
    }
    for part in predicate.held {
      text += "\(Output.bytes(part.byteCount)) is left, \(part.holder.text(named: part.name))\n"
    }
    if predicate.isPending { text += "Its removal is not through\n" }
    if !predicate.isComplete { text += "What it held is not known in full\n" }
    return text
  }
}

internal import ArgumentParser
internal import Coppice
internal import CoppiceLifecycle
internal import CoppiceServer

struct ProofCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proof", abstract: "Signed proofs of deletions.",
    discussion: """
      A proof is a DSSE envelope with a statement by in-toto, signed with the store's Ed25519 key. \
      'coppice branch delete --now --proof' makes one, and the store makes one of each branch that \
      ended by itself, once a collection has forgotten it. Whoever has it and the public key \
      verifies it on any machine, also with other programs. The private key lies in the folder \
      keys of the store, for its user alone; whoever can read that can sign what he likes.

      Example:
        coppice proof key > store.pem
        coppice branch delete trial-7 --now --proof trial-7.json
        coppice proof verify trial-7.json --key store.pem
      """,
    subcommands: [
      ProofVerifyCommand.self, ProofKeyCommand.self, ProofListCommand.self, ProofGetCommand.self,
    ])
}

struct ProofKeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Print the public key that proofs are verified with.",
    discussion: """
      The first time makes the key. With --rotate a new private key takes the place of the old \
      one; the old public key stays in the store's settings, and what it signed stays valid. So \
      it is when the private key was lost: the next use makes a new one, and says so. A copy of \
      the public key that is kept elsewhere shows whether it is still the same.

      JSON: \(ProofKeyRequest.keys). publicKey is in PEM, earlier are those of the keys before; \
      note says that a key was lost.

      Example:
        coppice proof key > store.pem
      """)

  @OptionGroup var options: StoreArguments

  @Flag(name: .long, help: "Make a new key in place of the old one.")
  var rotate = false

  @Option(name: .long, help: ArgumentHelp("Print this earlier key.", valueName: "key-id"))
  var id: String?

  func validate() throws {
    guard !rotate || id == nil else { throw ValidationError("write --rotate or --id, not both") }
  }

  func run() throws {
    let answer = try options.perform(ProofKeyRequest(rotate: rotate))
    if let note = answer.note, !options.json { Output.note(note) }
    guard let id, id != answer.keyID else { return try options.print(answer) }
    guard let earlier = answer.ofEarlier(id) else {
      throw StoreError(
        .notFound, "the store knows no such key", object: id,
        remedy: "list those that it knows with 'coppice proof key --json'")
    }
    try options.print(earlier)
  }
}

extension ProofKeyRequest.Answer: Reply {
  var text: String { publicKey }
}

struct ProofListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the proofs that the store keeps.",
    discussion: """
      The last 100,000 are kept. A server removes those that are older than 90 days, by a clock \
      that it has seen for an hour.

      JSON: \(ProofListRequest.keys). Oldest first. endedBy is ttl, lease, limit or expire for a \
      branch that ended by itself, and null for one that somebody deleted.

      Example:
        coppice proof list
      """)

  @OptionGroup var options: StoreArguments

  func run() throws { try options.print(try options.perform(ProofListRequest())) }
}

extension ProofListRequest.Answer: Reply {
  var text: String {
    var table = TextTable(
      ("name", .left), ("number", .right), ("deleted", .left), ("ended by", .left))
    for proof in proofs {
      table.add(
        Output.printable(proof.name), "\(proof.id)", Output.time(proof.deletedAt),
        proof.endedBy?.rawValue ?? "")
    }
    return table.text
  }
}

struct ProofGetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Print the proof of a branch's deletion.",
    discussion: """
      One that said that something was left is made anew: it says what is so now. So after a \
      deletion that was interrupted, or did not wait for readers, this has the proof that it is \
      through. While there is a branch of that name a proof of an earlier one is asked for with \
      --id.

      JSON: \(ProofGetRequest.keys). Without --json it is the same, in one line: what \
      'coppice proof verify' takes.

      Example:
        coppice proof get trial-7 > trial-7.json
      """)

  @OptionGroup var options: StoreArguments

  @Argument(help: "The deleted branch.")
  var name: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Its number, which 'coppice proof list' shows. Default: that of the last deletion.",
      valueName: "number"))
  var id: UInt64?

  func run() throws {
    try options.print(try options.perform(ProofGetRequest(name: name, id: id)))
  }
}

extension Envelope: Reply {
  var text: String { String(decoding: bytes, as: UTF8.self) }
}

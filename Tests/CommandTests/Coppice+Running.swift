import Foundation
import Glibc
import TestSupport

/// The built command, run as a real process on a store of the test's own.
struct CoppiceCommand {
  /// Where the build put its products: beside the running test.
  static let productFolder: String = {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return (path as NSString).deletingLastPathComponent
  }()

  let folder: TemporaryFolder
  var program: Program

  /// The command with COPPICE_STORE at a store that `init` has made.
  init(makesStore: Bool = true) throws {
    folder = try TemporaryFolder()
    program = Program(
      "\(Self.productFolder)/coppice", environment: ["COPPICE_STORE": folder("store")])
    if makesStore { try program.check(["init"]) }
  }

  func callAsFunction(_ arguments: String..., input: String = "/dev/null") throws
    -> Program.Result
  {
    try program.run(arguments, in: folder.path, input: input)
  }

  func run(_ arguments: [String]) throws -> Program.Result {
    try program.run(arguments, in: folder.path, input: "/dev/null")
  }

  /// Runs the command, which must succeed.
  @discardableResult
  func check(_ arguments: String..., input: String = "/dev/null") throws -> Program.Result {
    try program.check(arguments, in: folder.path, input: input)
  }

  /// Runs the command with `--json`, which must succeed, and decodes the answer.
  func json(_ arguments: String..., input: String = "/dev/null") throws -> [String: Any] {
    try json(all: arguments, input: input)
  }

  func json(all arguments: [String], input: String = "/dev/null") throws -> [String: Any] {
    let result = try program.check(arguments + ["--json"], in: folder.path, input: input)
    return try Self.object(Data(result.output))
  }

  /// Runs the command with `--json`, which must fail, and decodes the error.
  func failure(_ arguments: String..., input: String = "/dev/null") throws -> Failure {
    try failure(all: arguments, input: input)
  }

  func failure(all arguments: [String], input: String = "/dev/null") throws -> Failure {
    let result = try program.run(arguments + ["--json"], in: folder.path, input: input)
    let object = try Self.object(Data(result.errors.utf8))
    guard let error = object["error"] as? [String: Any] else {
      throw Program.Failure(description: "no error in \(result.errors)")
    }
    return Failure(status: result.status, error: error)
  }

  struct Failure {
    var status: Int32
    var error: [String: Any]

    var kind: String { error["kind"] as? String ?? "" }
    var object: String { error["object"] as? String ?? "" }
    var message: String { error["message"] as? String ?? "" }
    var remedy: String { error["remedy"] as? String ?? "" }
  }

  private static func object(_ data: Data) throws -> [String: Any] {
    let value = try JSONSerialization.jsonObject(with: data)
    guard let object = value as? [String: Any] else {
      throw Program.Failure(description: "not a JSON object: \(value)")
    }
    return object
  }

  /// Runs a script in the test's folder.
  @discardableResult
  func script(_ text: String, with variables: [String: String] = [:]) throws -> Program.Result {
    try Program("bash", environment: variables).check(["-euc", text], in: folder.path)
  }

  /// A folder `tree` with one of everything.
  func makeTree() throws {
    try script(
      """
      mkdir -p tree/a/b tree/empty; cd tree
      seq 1 200000 > a/numbers; printf hello > a/b/hello; : > nothing
      ln a/numbers hard; ln -s a/b/hello soft; ln -s /nowhere dangling
      mkfifo pipe; chmod 600 a/b/hello; chmod 1777 empty
      truncate -s 20M sparse; printf x | dd of=sparse bs=1 seek=9000000 conv=notrunc status=none
      printf 'odd' > $'new\\nline'; printf 'raw' > $'\\xff\\xfe'
      touch -d '2021-03-04 05:06:07.123456789 UTC' a/numbers a/b soft -h
      """)
  }

  /// Lines that tell everything of a tree but inode numbers.
  func listing(_ directory: String) throws -> String {
    try script(
      """
      cd \(directory)
      find . -printf '%p %y %m %U:%G %n %s %T@ %l\\n' | LC_ALL=C sort
      find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum
      """
    ).text
  }
}

import CoppiceErrors
import CoppiceInstances
import CoppicePlatform
import Glibc
import TestSupport
import Testing

/// Passwords as they are derived, and the key that they come from.
struct LoginPasswordTests {
  /// Computed by Python's `hmac` and `struct`.
  @Test(
    arguments: [
      (1, 0, "app", "pswmn8mdeh5agdebs8gtu58j"),
      (1, 1, "app", "53fdqibqmq7arsfpnzrej23h"),
      (2, 0, "app", "84mgjcy38u7fiw4h36ec2nse"),
      (1, 0, "app2", "ye35i4s45kf65rda69y95gdq"),
      (0xFEDC_BA98_7654_3210, 7, "köln \" '", "79cxdisun29hv72cx8b9wdaf"),
      (1, 0, #"a$'\xFF'"#, "idvr224bdeyxy5irnap9j8r8"),
      (1, 0, "", "itkjibq5tgrvvxb3r4syapbk"),
    ] as [(UInt64, UInt64, String, String)])
  func `a password is what others derive`(
    id: UInt64, generation: UInt64, role: String, password: String
  ) {
    let key = LoginPasswordKey(bytes: Array(0..<32))
    let text = LoginPassword.text(key: key, branch: id, generation: generation, role: role)
    #expect(text == password)
  }

  @Test func `another key makes another password`() {
    let text = LoginPassword.text(
      key: LoginPasswordKey(bytes: Array(repeating: 0, count: 32)), branch: 1, generation: 0,
      role: "app")
    #expect(text == "aaccaysa59wzdcrinp2hi9hv")
  }

  private func password(in store: String) throws(StoreError) -> String {
    LoginPassword.text(
      key: try LoginPasswordKey(ofStore: store), branch: 1, generation: 1, role: "app")
  }

  @Test func `the first use makes a key, which stays, and is its user's alone`() throws {
    let store = try TemporaryFolder()
    let first = try password(in: store.path)
    #expect(try password(in: store.path) == first)
    let file = try HostFile(reading: store("keys/passwords.key")).status()
    let directory = try HostFile(reading: store("keys")).status()
    #expect(file.permissions == 0o600 && file.byteCount == 32)
    #expect(directory.permissions == 0o700)
    let names = try HostDirectory(path: store("keys")).names()
    #expect(names == [Array("passwords.key".utf8)])
  }

  @Test func `a lost key makes other passwords`() throws {
    let store = try TemporaryFolder()
    let first = try password(in: store.path)
    unlink(store("keys/passwords.key"))
    #expect(try password(in: store.path) != first)
  }

  @Test func `a key that others can read, or that is none, is refused with the remedy`() throws {
    let store = try TemporaryFolder()
    _ = try password(in: store.path)
    chmod(store("keys/passwords.key"), 0o640)
    let open = #expect(throws: StoreError.self) { try password(in: store.path) }
    #expect(open?.kind == .denied)
    #expect(open?.remedy.description.contains("chmod 600") == true)

    try store.write("keys/passwords.key", [1, 2, 3])
    chmod(store("keys/passwords.key"), 0o600)
    let short = #expect(throws: StoreError.self) { try password(in: store.path) }
    #expect(short?.kind == .corrupt)
    #expect(short?.object == store("keys/passwords.key"))
    #expect(short?.remedy.description.contains("new passwords") == true)

    unlink(store("keys/passwords.key"))
    symlink("/dev/zero", store("keys/passwords.key"))
    let link = #expect(throws: StoreError.self) { try password(in: store.path) }
    #expect(link?.kind == .denied)
  }
}

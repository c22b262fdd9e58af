import CoppiceInstances
import Testing

struct PasswordVerifierTests {
  /// The example of RFC 7677.
  @Test func `a verifier is what any other program makes of password and salt`() {
    let salt: [UInt8] = [
      91, 109, 153, 104, 157, 18, 53, 142, 236, 160, 75, 20, 18, 54, 250, 129,
    ]
    #expect(
      PasswordVerifier.text(of: "pencil", salt: salt)
        == "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        + "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        + "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
  }
}

/// The files of a server's identity, both in PEM.
package struct TLSFiles: Hashable, Sendable {
  /// The certificate, and behind it those up to the authority, without that one's.
  package var certificateFile: String
  /// The certificate's private key, without a passphrase.
  package var keyFile: String

  package init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

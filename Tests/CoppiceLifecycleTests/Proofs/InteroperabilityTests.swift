import CoppiceLifecycle
import TestSupport
import Testing

/// Envelopes as other programs make and verify them: Python's cryptography and securesystemslib.
@Suite struct InteroperabilityTests {
  /// That of the system, which has Debian's packages.
  private static let python = Program("/usr/bin/python3")

  private static func has(_ module: String) -> Bool {
    ((try? python.run(["-c", "import \(module)"]))?.status ?? 1) == 0
  }

  /// By the text of the standard, not by ours.
  private static let verifying = """
    import base64, hashlib, json, sys
    from cryptography.hazmat.primitives import serialization as s
    envelope = json.load(open(sys.argv[1]))
    key = s.load_pem_public_key(open(sys.argv[2], 'rb').read())
    body = base64.b64decode(envelope['payload'], validate=True)
    kind = envelope['payloadType']
    pae = b'DSSEv1 %d %s %d %s' % (len(kind.encode()), kind.encode(), len(body), body)
    der = key.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
    signature, = envelope['signatures']
    assert signature['keyid'] == hashlib.sha256(der).hexdigest()
    raw = base64.b64decode(signature['sig'], validate=True)
    """

  private func files() throws -> (TemporaryFolder, PrivateProofKey) {
    let folder = try TemporaryFolder()
    let key = PrivateProofKey()
    try folder.write("proof.json", try ReclaimStatement.sample().signed(by: key).bytes)
    try folder.write("key.pem", Array(key.publicKey.pem.utf8))
    try folder.write("private.pem", Array(key.pem.utf8))
    return (folder, key)
  }

  @Test(.enabled(if: has("cryptography")))
  func `cryptography verifies our proofs, and reads what they say`() throws {
    let (folder, _) = try files()
    let script =
      Self.verifying + """

        key.verify(raw, pae)
        statement = json.loads(body)
        assert statement['_type'] == 'https://in-toto.io/Statement/v1'
        assert statement['predicateType'] == 'urn:coppice:reclaim:1'
        assert statement['subject'][0]['name'] == 'trial-7'
        assert len(statement['subject'][0]['digest']['coppiceRoot']) == 32
        predicate = statement['predicate']
        assert predicate['isReclaimed'] is True and predicate['deletedBy'] is None
        assert predicate['branch']['labels'] == {'pull-request': '7'}
        print(' '.join(sorted(predicate)))
        """
    let keys = try Self.python.check(
      ["-c", script, folder("proof.json"), folder("key.pem")]
    ).text
    #expect(
      keys == "auditHead branch cycleNumber deletedAt deletedBy ending exports forgottenAt held "
        + "heldByteCount isComplete isPending isReclaimed notCovered provedAt reclaimedByteCount "
        + "repairFolders schema snapshots store uniqueByteCount uniquePageCount version\n")
  }

  @Test(.enabled(if: has("securesystemslib.signer")))
  func `securesystemslib verifies our proofs, and no others`() throws {
    let (folder, _) = try files()
    let script =
      Self.verifying + """

        from securesystemslib.signer import SSlibKey, Signature
        public = key.public_bytes(s.Encoding.Raw, s.PublicFormat.Raw).hex()
        known = SSlibKey(signature['keyid'], 'ed25519', 'ed25519', {'public': public})
        known.verify_signature(Signature(signature['keyid'], raw.hex()), pae)
        try:
          known.verify_signature(Signature(signature['keyid'], raw.hex()), pae + b' ')
        except Exception as error:
          print(type(error).__name__)
        """
    let output = try Self.python.check(
      ["-c", script, folder("proof.json"), folder("key.pem")]
    ).text
    #expect(output == "UnverifiedSignatureError\n")
  }

  @Test(.enabled(if: has("cryptography")))
  func `we verify what cryptography signs with a key of its own, written its own way`() throws {
    let (folder, _) = try files()
    let script = """
      import base64, hashlib, json, sys
      from cryptography.hazmat.primitives import serialization as s
      from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
      envelope = json.load(open(sys.argv[1]))
      key = Ed25519PrivateKey.generate()
      public = key.public_key()
      der = public.public_bytes(s.Encoding.DER, s.PublicFormat.SubjectPublicKeyInfo)
      body = json.dumps(json.loads(base64.b64decode(envelope['payload'])), indent=3).encode()
      kind = envelope['payloadType']
      pae = b'DSSEv1 %d %s %d %s' % (len(kind), kind.encode(), len(body), body)
      other = {'keyid': 'theirs', 'sig': 'AAAA'}
      own = {'sig': base64.b64encode(key.sign(pae)).decode(),
             'keyid': hashlib.sha256(der).hexdigest(), 'more': 1}
      json.dump({'signatures': [other, own], 'more': [], 'payloadType': kind,
                 'payload': base64.b64encode(body).decode()}, open(sys.argv[2], 'w'), indent=2)
      open(sys.argv[3], 'wb').write(
        public.public_bytes(s.Encoding.PEM, s.PublicFormat.SubjectPublicKeyInfo))
      """
    try Self.python.check(
      ["-c", script, folder("proof.json"), folder("theirs.json"), folder("theirs.pem")])
    let verified = try VerifiedProof(
      TemporaryFolder.bytes(of: folder("theirs.json")),
      publicKey: String(decoding: TemporaryFolder.bytes(of: folder("theirs.pem")), as: UTF8.self))
    #expect(verified.verdict == .reclaimed)
    #expect(verified.statement == ReclaimStatement.sample())
  }

  @Test(.enabled(if: Program("openssl").isInstalled))
  func `openssl reads both keys, and finds the one in the other`() throws {
    let (folder, key) = try files()
    let derived = try Program("openssl").check(
      ["pkey", "-in", folder("private.pem"), "-pubout"]
    ).text
    #expect(derived == key.publicKey.pem)
  }
}

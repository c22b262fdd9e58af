import CoppiceFormat
import TestSupport
import Testing

struct HashingTests {
  @Test func `a page's hash depends on its bytes and on the secret`() {
    var random = SplitMix64(seed: 1)
    let page = random.bytes(8192)
    var changed = page
    changed[4000] ^= 1
    let other = HashSecret(bytes: random.bytes(HashSecret.byteCount))
    let hash = page.withUnsafeBytes { SampleValues.secret.pageHash($0) }
    #expect(hash == page.withUnsafeBytes { SampleValues.secret.pageHash($0) })
    #expect(hash != changed.withUnsafeBytes { SampleValues.secret.pageHash($0) })
    #expect(hash != page.withUnsafeBytes { other.pageHash($0) })
  }

  @Test func `hashes and checksums are the published functions`() {
    // XXH3-64 of the empty input, with seeds 0 and 1, from the reference implementation.
    let empty: [UInt8] = []
    #expect(empty.withUnsafeBytes { checksum64($0) } == 0x2D06_8005_38D3_94C2)
    #expect(
      empty.withUnsafeBytes { checksum64($0, seed: 1) }
        != empty.withUnsafeBytes { checksum64($0) })
  }

  @Test func `no content has the hash of a hole`() {
    for count in [0, 1, 8192] {
      let zeros = [UInt8](repeating: 0, count: count)
      #expect(zeros.withUnsafeBytes { SampleValues.secret.pageHash($0) } != .hole)
    }
  }
}

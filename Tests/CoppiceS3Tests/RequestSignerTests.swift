import CoppiceS3
import Testing

/// The examples that AWS publishes with the rules.
@Suite struct RequestSignerTests {
  private static let credentials = S3Credentials(
    accessKeyID: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
  private let signer = RequestSigner(credentials: credentials, region: "us-east-1")
  /// 2013-05-24 00:00:00 UTC.
  private let time = SigningTime(seconds: 1_369_353_600)
  private let emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

  private func signature(
    _ method: String, _ path: String, query: [(name: String, value: String)] = [],
    headers: [(name: String, value: String)] = [], body: [UInt8] = []
  ) -> String {
    let request = SignableRequest(
      method: method, path: path, query: query,
      headers: headers + [(name: "host", value: "examplebucket.s3.amazonaws.com")])
    let added = signer.sign(request, payloadHash: RequestSigner.hash(body), at: time)
    return added.last?.value ?? ""
  }

  @Test func `the hash of nothing is that of nothing`() {
    #expect(RequestSigner.hash([]) == emptyHash)
  }

  @Test func `a ranged GET is signed as AWS shows`() {
    let value = signature("GET", "/test.txt", headers: [("range", "bytes=0-9")])
    #expect(
      value
        == "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        + "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature="
        + "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41")
  }

  @Test func `a PUT with a body is signed as AWS shows`() {
    let value = signature(
      "PUT", "/test%24file.text",
      headers: [
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
      ], body: Array("Welcome to Amazon S3.".utf8))
    #expect(
      value.hasSuffix("98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"))
  }

  @Test func `a query without a value is signed as AWS shows`() {
    #expect(
      signature("GET", "/", query: [("lifecycle", "")])
        .hasSuffix("fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"))
  }

  @Test func `a list is signed as AWS shows, in whatever order its query is given`() {
    let expected = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    #expect(signature("GET", "/", query: [("max-keys", "2"), ("prefix", "J")]).hasSuffix(expected))
    #expect(signature("GET", "/", query: [("prefix", "J"), ("max-keys", "2")]).hasSuffix(expected))
  }

  @Test func `the plainest request of the published suite is signed as it shows`() {
    let signer = RequestSigner(
      credentials: S3Credentials(
        accessKeyID: "AKIDEXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
      region: "us-east-1", service: "service")
    // 2015-08-30 12:36:00 UTC.
    let time = SigningTime(seconds: 1_440_938_160)
    let request = SignableRequest(
      method: "GET", path: "/",
      headers: [("host", "example.amazonaws.com"), ("x-amz-date", time.signing)])
    #expect(
      signer.authorization(request, payloadHash: emptyHash, at: time)
        == "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        + "SignedHeaders=host;x-amz-date, "
        + "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")
  }

  @Test func `a session's token is signed and sent`() {
    let signer = RequestSigner(
      credentials: S3Credentials(accessKeyID: "A", secretAccessKey: "B", sessionToken: "T"),
      region: "r")
    let added = signer.sign(
      SignableRequest(method: "GET", path: "/", headers: [("host", "h")]), payloadHash: emptyHash,
      at: time)
    #expect(added.contains { $0 == ("x-amz-security-token", "T") })
    #expect(added.last?.value.contains("x-amz-date;x-amz-security-token") ?? false)
  }

  @Test func `credentials do not show their secrets`() {
    let credentials = S3Credentials(
      accessKeyID: "known", secretAccessKey: "hidden", sessionToken: "hidden")
    var dumped = ""
    dump(credentials, to: &dumped)
    for text in ["\(credentials)", String(reflecting: credentials), dumped] {
      #expect(text.contains("known") && !text.contains("hidden"))
    }
  }

  @Test(arguments: [
    (0, "Thu, 01 Jan 1970 00:00:00 GMT", "19700101T000000Z"),
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT", "19941106T084937Z"),
    (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT", "20240229T000000Z"),
    (4_102_444_799, "Thu, 31 Dec 2099 23:59:59 GMT", "20991231T235959Z"),
  ])
  func `moments are written as HTTP and signatures have them`(
    seconds: Int64, http: String, signing: String
  ) {
    let time = SigningTime(seconds: seconds)
    #expect(time.http == http)
    #expect(time.signing == signing)
    #expect(SigningTime(httpDate: http) == time)
  }

  @Test(arguments: [
    "", "yesterday", "Sun, 06 Nov 1994 08:49:37", "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun, 06 Nov 1994 25:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 06 Nov 99999 08:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
  ])
  func `what is no date of HTTP is no moment`(text: String) {
    #expect(SigningTime(httpDate: text) == nil)
  }
}

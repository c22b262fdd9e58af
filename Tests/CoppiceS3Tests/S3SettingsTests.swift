import CoppicePools
import CoppiceS3
import TestSupport
import Testing

@Suite struct S3SettingsTests {
  @Test(arguments: [
    ("s3://bucket", "bucket", ""), ("s3://bucket/", "bucket", ""),
    ("s3://bucket/a", "bucket", "a"), ("s3://my.bucket-1/a/b c/é/", "my.bucket-1", "a/b c/é"),
  ])
  func `a place is a bucket and what keys begin with`(
    text: String, bucket: String, prefix: String
  ) throws {
    let location = try S3Location(text)
    #expect(location.bucket == bucket)
    #expect(location.prefix == prefix)
  }

  @Test(arguments: [
    "", "bucket/a", "s3://", "s3:///a", "s3://b/a", "s3://bucket//a", "s3://bucket/a//b",
    "s3://bucket/../a", "s3://bucket/a/..", "s3://bucket/./a", "s3://bucket/a\nb",
    "s3://buck et/a", "https://bucket/a", "s3://a..b/c",
    "s3://bucket/" + String(repeating: "x", count: 512),
  ])
  func `anything else is no place`(text: String) {
    #expect(kind { () throws(ObjectStoreError) in try S3Location(text) } == .invalid)
  }

  @Test(arguments: [
    ("https://s3.example.org", "s3.example.org", 443),
    ("https://S3.Example.org/", "s3.example.org", 443),
    ("https://10.0.0.1:9000", "10.0.0.1", 9000),
    ("https://[2001:db8::1]:9000", "2001:db8::1", 9000),
    ("https://[2001:db8::1]", "2001:db8::1", 443), ("http://127.0.0.1:80", "127.0.0.1", 80),
    ("http://localhost:9000", "localhost", 9000), ("http://[::1]:9000", "::1", 9000),
  ])
  func `an endpoint is a host and a port`(text: String, host: String, port: Int) throws {
    let endpoint = try S3Endpoint(text)
    #expect(endpoint.host == host)
    #expect(endpoint.port == port)
    #expect(endpoint.isEncrypted == text.hasPrefix("https"))
  }

  @Test(arguments: [
    "", "s3.example.org", "ftp://host", "https://", "https://host:0", "https://host:99999",
    "https://host:x", "https://user@host", "https://host/path", "https://ho st", "https://[::1",
    "https://host:1:2",
  ])
  func `anything else is no endpoint`(text: String) {
    #expect(kind { () throws(ObjectStoreError) in try S3Endpoint(text) } == .invalid)
  }

  @Test(arguments: [
    "http://s3.example.org", "http://10.0.0.1", "http://127.0.0.1.example.org",
    "http://localhost.example.org", "http://[2001:db8::1]", "http://127.1.example",
  ])
  func `plain HTTP goes no further than this machine`(text: String) {
    #expect(kind { () throws(ObjectStoreError) in try S3Endpoint(text) } == .invalid)
  }

  @Test func `the bucket stands in the host's name at AWS, and in the path elsewhere`() throws {
    let location = try S3Location("s3://bucket/a b")
    let aws = S3Settings(
      location, endpoint: try S3Endpoint(region: "eu-central-1"), credentials: .environment)
    #expect(!aws.usesPathStyle)
    #expect(aws.authority == "bucket.s3.eu-central-1.amazonaws.com")
    #expect(aws.path(of: "a b/c") == "/a%20b/c")
    #expect(aws.path(of: nil) == "/")
    let other = S3Settings(
      location, endpoint: try S3Endpoint("https://host:9000"), credentials: .environment)
    #expect(other.usesPathStyle)
    #expect(other.authority == "host:9000")
    #expect(other.path(of: "a b/c") == "/bucket/a%20b/c")
    #expect(other.path(of: nil) == "/bucket")
    let dotted = S3Settings(
      try S3Location("s3://my.bucket"), endpoint: try S3Endpoint(region: "eu-central-1"),
      credentials: .environment)
    #expect(dotted.usesPathStyle)
  }

  @Test func `the addresses of this machine's name are of this machine`() throws {
    #expect(try S3Endpoint("http://127.0.0.1:80").addresses() == ["127.0.0.1"])
    let found = try S3Endpoint("http://localhost:80").addresses()
    #expect(!found.isEmpty && Set(found).isSubset(of: ["127.0.0.1", "::1"]))
  }
}

@Suite struct CredentialSourceTests {
  private func credentials(_ source: CredentialSource) throws -> [String?] {
    let found = try source.credentials()
    return [found.accessKeyID, found.secretAccessKey, found.sessionToken]
  }

  @Test func `the environment gives credentials`() throws {
    let full = [
      "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c",
    ]
    #expect(try credentials(CredentialSource(.environment) { full[$0] }) == ["a", "b", "c"])
    let short = ["AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": ""]
    #expect(try credentials(CredentialSource(.environment) { short[$0] }) == ["a", "b", nil])
    let none = CredentialSource(.environment) { _ in nil }
    #expect(kind { () throws(ObjectStoreError) in try none.credentials() } == .denied)
  }

  @Test(arguments: [
    "aws_access_key_id=a\naws_secret_access_key=b=\n",
    "# a comment\n[default]\r\naws_access_key_id = a\r\n  aws_secret_access_key  = b= \r\n",
    "[other]\naws_access_key_id = x\naws_secret_access_key = y\n[default]\n"
      + "aws_access_key_id = a\naws_secret_access_key = b=\nregion = z\n",
  ])
  func `a file gives those of its default profile`(text: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("credentials", text.utf8)
    #expect(try credentials(CredentialSource(.file(path))) == ["a", "b=", nil])
  }

  @Test(arguments: [
    "", "[other]\naws_access_key_id = x\naws_secret_access_key = y\n", "aws_access_key_id = a\n",
    "aws_access_key_id = a\naws_secret_access_key =\n",
  ])
  func `a file without credentials is none`(text: String) throws {
    let folder = try TemporaryFolder()
    let source = CredentialSource(.file(try folder.write("credentials", text.utf8)))
    #expect(kind { () throws(ObjectStoreError) in try source.credentials() } == .denied)
    let missing = CredentialSource(.file(folder("nothing")))
    #expect(kind { () throws(ObjectStoreError) in try missing.credentials() } == .denied)
  }

  @Test func `a file that has changed is read again, and kept while it is being written`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(
      "credentials", "aws_access_key_id=a\naws_secret_access_key=b\n".utf8)
    let source = CredentialSource(.file(path))
    #expect(try credentials(source) == ["a", "b", nil])
    try folder.write("credentials", "aws_access_key".utf8)
    #expect(try credentials(source) == ["a", "b", nil])
    try folder.write(
      "credentials",
      "aws_access_key_id=c\naws_secret_access_key=d\naws_session_token=e\n".utf8)
    #expect(try credentials(source) == ["c", "d", "e"])
  }
}

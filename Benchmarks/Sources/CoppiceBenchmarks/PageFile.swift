internal import Glibc

/// Plain files of generated pages.
enum PageFile {
  static func write(_ path: String, pageCount: Int, seed: UInt64) throws {
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    precondition(file >= 0, "cannot make \(path)")
    defer { close(file) }
    let content = PageMemory(pageCount: 256)
    var random = Random(seed)
    for _ in stride(from: 0, to: pageCount, by: 256) {
      for page in 0..<256 { PageContent.fill(content[page], &random) }
      let count = Glibc.write(file, content.bytes.baseAddress, content.bytes.count)
      precondition(count == content.bytes.count, "cannot write \(path)")
    }
    fsync(file)
  }
}

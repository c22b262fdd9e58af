import CFileCalls
import Glibc

/// File system calls in one folder, each of which tells how it went: `ok`, a value, or the errno's
/// name. What two file systems tell can be compared.
final class FileCalls {
  let root: String
  /// Everything told so far.
  private(set) var outcomes: [String] = []

  init(_ root: String) { self.root = root }

  func path(_ name: String) -> String { name.hasPrefix("/") ? name : "\(root)/\(name)" }

  @discardableResult
  func tell(_ what: String, _ outcome: String) -> String {
    outcomes.append("\(what): \(outcome)")
    return outcome
  }

  @discardableResult
  func call(_ what: String, _ result: some BinaryInteger) -> Bool {
    tell(what, result < 0 ? Self.errorName(errno) : "ok")
    return result >= 0
  }

  func value(_ what: String, _ result: some BinaryInteger) {
    tell(what, result < 0 ? Self.errorName(errno) : "\(result)")
  }

  static func errorName(_ code: Int32) -> String { String(cString: filecalls_error_name(code)) }

  // MARK: Names

  func mkdir(_ name: String, _ mode: mode_t = 0o755) {
    call("mkdir \(name)", Glibc.mkdir(path(name), mode))
  }
  func rmdir(_ name: String) { call("rmdir \(name)", Glibc.rmdir(path(name))) }
  func unlink(_ name: String) { call("unlink \(name)", Glibc.unlink(path(name))) }
  func link(_ name: String, _ new: String) {
    call("link \(name) \(new)", Glibc.link(path(name), path(new)))
  }
  func symlink(_ target: String, _ name: String) {
    call("symlink \(name)", Glibc.symlink(target, path(name)))
  }
  func readlink(_ name: String) {
    var buffer = [CChar](repeating: 0, count: 5000)
    let count = Glibc.readlink(path(name), &buffer, buffer.count)
    value("readlink \(name)", count)
    if count >= 0 {
      tell(
        "target", String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self))
    }
  }
  func rename(_ name: String, _ new: String, _ flags: UInt32 = 0) {
    call("rename \(name) \(new) \(flags)", filecalls_rename(path(name), path(new), flags))
  }
  func list(_ name: String) {
    guard let stream = opendir(path(name)) else {
      tell("list \(name)", Self.errorName(errno))
      return
    }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      names.append("\(name)/\(entry.pointee.d_type)")
    }
    tell("list \(name)", names.sorted().joined(separator: " "))
  }

  /// A file as programs without the right to read it open it.
  func openPath(_ name: String, _ flags: Int32 = 0) -> Int32 {
    let path = Int32(0o10000000)
    return open(name, path | flags)
  }
  /// What is told of an open file, whatever its name has become.
  func status(of file: Int32, _ what: String) {
    var status = stat()
    guard call("fstat \(what)", fstat(file, &status)) else { return }
    tell(what, "mode \(String(status.st_mode, radix: 8)) links \(status.st_nlink)")
  }

  // MARK: Files

  func open(_ name: String, _ flags: Int32, _ mode: mode_t = 0o644) -> Int32 {
    let file = Glibc.open(path(name), flags | O_CLOEXEC, mode)
    call("open \(name) \(flags)", file)
    return file
  }
  func close(_ file: Int32) { call("close", Glibc.close(file)) }
  func write(_ file: Int32, _ text: String) {
    value("write", Glibc.write(file, text, text.utf8.count))
  }
  func pwrite(_ file: Int32, _ text: String, _ offset: off_t) {
    value("pwrite", Glibc.pwrite(file, text, text.utf8.count, offset))
  }
  func pread(_ file: Int32, _ count: Int, _ offset: off_t) {
    var buffer = [UInt8](repeating: 0, count: count)
    let read = Glibc.pread(file, &buffer, count, offset)
    value("pread \(offset)", read)
    if read > 0 { tell("bytes", Self.summary(buffer[..<read])) }
  }
  /// Makes a file with this content.
  func make(_ name: String, _ text: String = "", _ mode: mode_t = 0o644) {
    let file = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode)
    guard file >= 0 else { return }
    if !text.isEmpty { write(file, text) }
    close(file)
  }
  func content(_ name: String) {
    let file = Glibc.open(path(name), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else {
      tell("content \(name)", Self.errorName(errno))
      return
    }
    defer { _ = Glibc.close(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = Glibc.read(file, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    tell("content \(name)", Self.summary(bytes[...]))
  }
  private static func summary(_ bytes: ArraySlice<UInt8>) -> String {
    if bytes.count <= 64 { return String(decoding: bytes, as: UTF8.self) }
    let hash = bytes.reduce(UInt64(14_695_981_039_346_656_037)) {
      ($0 ^ UInt64($1)) &* 1_099_511_628_211
    }
    return "\(bytes.count) bytes, \(hash)"
  }

  // MARK: Attributes

  /// What a file is, but for what differs between any two file systems.
  func status(_ name: String) {
    var status = stat()
    guard lstat(path(name), &status) == 0 else {
      tell("status \(name)", Self.errorName(errno))
      return
    }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    tell(
      "status \(name)",
      "mode \(String(status.st_mode, radix: 8)) links \(status.st_nlink) "
        + "owner \(status.st_uid):\(status.st_gid) size \(isDirectory ? 0 : status.st_size) "
        + "device \(status.st_rdev)")
  }
  func times(_ name: String) {
    var status = stat()
    guard lstat(path(name), &status) == 0 else {
      tell("times \(name)", Self.errorName(errno))
      return
    }
    tell(
      "times \(name)",
      "\(status.st_atim.tv_sec).\(status.st_atim.tv_nsec) "
        + "\(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
  }
  func modified(_ name: String) -> Int64 {
    var status = stat()
    lstat(path(name), &status)
    return Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }
  func changed(_ name: String) -> Int64 {
    var status = stat()
    lstat(path(name), &status)
    return Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
  }
  func chmod(_ name: String, _ mode: mode_t) {
    call("chmod \(name)", Glibc.chmod(path(name), mode))
  }
  func chown(_ name: String, _ user: uid_t, _ group: gid_t) {
    call("chown \(name)", Glibc.lchown(path(name), user, group))
  }
  func truncate(_ name: String, _ count: off_t) {
    call("truncate \(name) \(count)", Glibc.truncate(path(name), count))
  }
  func setTimes(_ name: String, _ accessed: timespec, _ modified: timespec) {
    let times = [accessed, modified]
    call("utimens \(name)", utimensat(AT_FDCWD, path(name), times, AT_SYMLINK_NOFOLLOW))
  }
  func setAttribute(_ name: String, _ key: String, _ text: String, _ flags: Int32 = 0) {
    call(
      "setxattr \(name) \(key.prefix(30)) \(flags)",
      filecalls_set_attribute(path(name), key, text, text.utf8.count, flags))
  }
  func getAttribute(_ name: String, _ key: String, _ count: Int = 1000) {
    var buffer = [UInt8](repeating: 0, count: count)
    let read = filecalls_get_attribute(path(name), key, &buffer, count)
    value("getxattr \(name) \(key.prefix(30)) \(count)", read)
    if read > 0, count > 0 { tell("value", Self.summary(buffer[..<Int(read)])) }
  }
  func removeAttribute(_ name: String, _ key: String) {
    call("removexattr \(name) \(key)", filecalls_remove_attribute(path(name), key))
  }
  func listAttributes(_ name: String) {
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = filecalls_list_attributes(path(name), &buffer, buffer.count)
    guard count >= 0 else {
      tell("listxattr \(name)", Self.errorName(errno))
      return
    }
    let names = buffer[..<Int(count)].split(separator: 0).map {
      String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    tell("listxattr \(name)", names.sorted().joined(separator: " "))
  }
}

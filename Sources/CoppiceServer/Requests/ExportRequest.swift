package import Coppice
internal import CoppicePlatform

package struct ExportRequest: StoreRequest {
  package static let route = Route(
    .post, "/v1/export", "Write a branch, or a part of it, to the file system.")
  package static let isCancellable = true

  /// A branch or snapshot.
  package var entry: String
  /// A part of it; all of it without.
  package var path: String?
  package var target: ClientFile
  /// Write a tar stream.
  package var tar: Bool

  package init(entry: String, path: String?, target: ClientFile, tar: Bool) {
    self.entry = entry
    self.path = path
    self.target = target
    self.tar = tar
  }

  package var isReadOnly: Bool { true }

  package var access: Access { Access(.content, .entry(entry)) }

  package func run(_ context: RequestContext) throws(StoreError) -> Answer {
    var options = ExportOptions()
    options.isTar = tar
    options.apply(context, target)
    let tree = try context.store.tree(entry)
    let source = FilePlace(entry, path)
    let place = try source.naming { () throws(StoreError) in
      let place = try source.branchPath()
      _ = try tree.lookup(place)
      return place
    }
    guard !target.isStream else {
      return try target.reachStream(context.files, forWriting: true) { stream throws(StoreError) in
        let stream = ExportTarget.stream(fileDescriptor: stream.fileDescriptor)
        return answer(try tree.exportFiles(at: place, to: stream, options: options))
      }
    }
    return try target.reach(context.files) { path throws(StoreError) in
      var report = try tree.exportFiles(at: place, to: .path(path), options: options)
      report.notes = report.notes.map { target.restored($0, from: path) }
      return answer(report)
    }
  }

  private func answer(_ report: ExportReport) -> Answer {
    let source = path.map { "\(entry):\($0)" } ?? entry
    return Answer(report, Answer.Addition(source: source, target: target.shown))
  }

  package struct Answer: ReportAnswer {
    package struct Addition: Codable, Sendable {
      package var source: String
      package var target: String
    }

    package var report: ExportReport
    package var addition: Addition

    package init(_ report: ExportReport, _ addition: Addition) {
      self.report = report
      self.addition = addition
    }
  }
}

extension ExportOptions {
  /// Shows progress to, and heeds the end of, whoever asked.
  mutating func apply(_ context: RequestContext, _ target: ClientFile) {
    let work = context.work
    let files = context.files
    if let tell = work.tell { progress = { tell(.transfer($0)) } }
    isCancelled = { work.isCancelled || !files.isOpen(target) }
  }
}

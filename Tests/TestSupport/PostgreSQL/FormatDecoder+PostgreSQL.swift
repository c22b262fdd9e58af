internal import CoppicePostgreSQL

// What PostgreSQL wrote: only ever read.
extension FormatDecoder {
  /// Every decoder of CoppicePostgreSQL.
  public static let postgreSQL: [FormatDecoder] = [
    controlFile, settingsFile, relationPage, logPages,
  ]

  static let controlFile = FormatDecoder(
    name: "postgresql-control-file",
    samples: [1300, 1700, 1800].map { SampleControlFile(version: $0).bytes },
    reseal: { bytes in
      guard bytes.count >= 296 else { return }
      let offset = bytes[8...11].elementsEqual([0x08, 0x07, 0, 0]) ? 292 : 288
      let sum = SampleControlFile.checksum(bytes[..<offset])
      for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
    },
    decode: { bytes in
      // Of the version that the file says it is of.
      let version = bytes.count > 9 ? Int(bytes[8]) | Int(bytes[9]) << 8 : 0
      let major = [1700: 17, 1800: 18][version] ?? 15
      _ = try ControlFile(Array(bytes), of: MajorVersion(major))
    })

  static let settingsFile = FormatDecoder(
    name: "postgresql-settings",
    samples: [
      Array("work_mem = '4MB'\n# no\nsearch_path '\"$user\", public' # yes\n".utf8),
      Array("log_line_prefix='it''s \\'\\101\\n'\ninclude 'x'\ncron.database_name=a".utf8),
    ],
    decode: { bytes in _ = SettingsFile(Array(bytes)).values })

  static let relationPage = FormatDecoder(
    name: "postgresql-relation-page",
    samples: [
      SampleRelationPage.page(special: [UInt8](repeating: 0, count: 16)),
      SampleRelationPage.page(
        special: [],
        rows: [90, 2000].map { SampleRelationPage.row(columnCount: 3, valueByteCount: $0) }),
    ],
    decode: { bytes in _ = ClusterContent(path: ["base", "5", "16384"], head: Array(bytes)) })

  static let logPages = FormatDecoder(
    name: "postgresql-log",
    samples: [
      SampleLog.pages(
        [8000, 100].map { SampleLog.record(image: $0, dataByteCount: 3000) }
      ).flatMap(\.self)
    ],
    decode: { bytes in
      var scan = LogScan()
      for start in stride(from: 0, to: bytes.count, by: LogPage.byteCount) {
        let page = Array(bytes[start..<min(start + LogPage.byteCount, bytes.count)])
        if let header = LogPage(page) { scan.read(page, header) }
      }
    })
}

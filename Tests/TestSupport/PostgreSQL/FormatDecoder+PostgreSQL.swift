internal import CoppicePostgreSQL

// What PostgreSQL wrote: only ever read.
extension FormatDecoder {
  /// Every decoder of CoppicePostgreSQL.
  public static let postgreSQL: [FormatDecoder] = [controlFile, settingsFile]

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
}

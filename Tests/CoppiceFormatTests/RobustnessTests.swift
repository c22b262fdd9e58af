import CoppiceFormat
import Foundation
import TestSupport
import Testing

/// What holds for every decoder, whatever its structure.
struct RobustnessTests {
  @Test(arguments: FormatDecoder.all)
  func `every sample decodes`(_ decoder: FormatDecoder) throws {
    for sample in decoder.samples {
      try sample.withUnsafeBytes(decoder.decode)
    }
  }

  @Test(arguments: FormatDecoder.all)
  func `no truncation traps, and every one of a checksummed structure is refused`(
    _ decoder: FormatDecoder
  ) {
    for sample in decoder.samples {
      // Behind 1,024 bytes every 61st length: the columns' ends lie before.
      for count in 0..<sample.count where count < 1024 || count % 61 == 0 {
        let decoded = decoder.run(Array(sample.prefix(count)))
        guard Self.isWhollyChecksummed.contains(decoder.name) else { continue }
        #expect(decoded == 0 || count >= 4096)
      }
    }
  }

  @Test(arguments: FormatDecoder.all)
  func `no flipped bit traps, and every one of a checksummed structure is refused`(
    _ decoder: FormatDecoder
  ) throws {
    var random = SplitMix64(seed: 20)
    for sample in decoder.samples {
      for index in sample.indices where index < 512 || index % 17 == 0 {
        var damaged = sample
        damaged[index] ^= 1 << UInt8(random.below(8))
        decoder.run(damaged)
        guard Self.isWhollyChecksummed.contains(decoder.name) else { continue }
        #expect(throws: FormatError.self, "byte \(index)") {
          try damaged.withUnsafeBytes(decoder.decode)
        }
      }
    }
  }

  @Test(arguments: FormatDecoder.all)
  func `thousands of mutated inputs give a value or an error`(_ decoder: FormatDecoder) {
    var mutator = InputMutator(seed: 30, samples: decoder.samples)
    var decoded = 0
    for _ in 0..<4000 { decoded += decoder.run(mutator.next()) }
    // Mutations that none of the checks refuses keep the loop honest: the decoder was reached.
    #expect(decoded > 0)
  }

  @Test(arguments: FormatDecoder.all)
  func `the structures that version 1 wrote still decode`(_ decoder: FormatDecoder) throws {
    let folder = Fixtures.structures.appending(path: decoder.name)
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    #expect(files.count >= decoder.samples.count)
    for file in files {
      let bytes = [UInt8](try Data(contentsOf: file))
      try bytes.withUnsafeBytes(decoder.decode)
    }
  }

  /// Decoders whose whole input lies under one checksum. A superblock has a second copy.
  private static let isWhollyChecksummed: Set<String> = [
    "segment-header", "bundle-header", "note", "full-node", "override-node",
    "journal-file-header", "journal-batch", "catalogue", "collection-hints", "scrub-hints",
    "growth-hints", "space-hints", "pool-object-header", "pool-key-table", "pool-head",
    "pool-member", "pool-retired-table", "pool-segment-index", "pool-notes",
  ]
}

#if !FUZZING
  internal import Foundation
  internal import TestSupport

  /// What the fuzzers need around them. Built without libFuzzer, this program
  ///
  ///     list             names the decoders
  ///     seeds FOLDER     writes FOLDER/<decoder>/<n>.bin, one file for each sample
  ///     replay FILE...   runs the files through the decoder COPPICE_FUZZ_DECODER
  @main
  enum FuzzingProgram {
    static func main() throws {
      let arguments = CommandLine.arguments.dropFirst()
      switch (arguments.first, arguments.dropFirst()) {
      case ("list", _):
        for decoder in FuzzedDecoder.all { print(decoder.name) }
      case ("seeds", let rest) where rest.count == 1:
        for folder in rest { try writeSeeds(to: URL(filePath: folder)) }
      case ("replay", let files):
        for file in files {
          let bytes = [UInt8](try Data(contentsOf: URL(filePath: file)))
          let decoded = FuzzedDecoder.selected.run(bytes)
          print("\(file): decoded \(decoded) of 2")
        }
      default:
        print("usage: list | seeds FOLDER | replay FILE...")
        exit(64)
      }
    }

    private static func writeSeeds(to folder: URL) throws {
      for decoder in FuzzedDecoder.all {
        let target = folder.appending(path: decoder.name)
        try FileManager.default.createDirectory(at: target, withIntermediateDirectories: true)
        for (index, sample) in decoder.samples.enumerated() {
          try Data(sample).write(to: target.appending(path: "\(index).bin"))
        }
      }
    }
  }
#endif

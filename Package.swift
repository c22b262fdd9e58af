// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

let package = Package(
  name: "coppice",
  products: [
    .library(name: "Coppice", targets: ["Coppice"]),
    .library(name: "CoppiceFUSE", targets: ["CoppiceFUSE"]),
    .executable(name: "coppice", targets: ["coppice"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .systemLibrary(
      name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
    .systemLibrary(name: "CFuse"),
    .target(name: "CLinux"),

    .target(name: "CoppicePlatform", dependencies: ["CLinux"], swiftSettings: strict),
    .target(
      name: "CoppiceFormat", dependencies: ["CZstd", "CXXHash"], swiftSettings: strict),
    .target(
      name: "CoppiceEngine", dependencies: ["CoppiceFormat", "CoppicePlatform"],
      swiftSettings: strict),
    .target(
      name: "Coppice", dependencies: ["CoppiceEngine", "CoppiceFormat", "CoppicePlatform"],
      swiftSettings: strict),
    .target(
      name: "CoppiceServer",
      dependencies: [
        "CLinux", "Coppice", "CoppiceEngine", "CoppicePlatform",
      ], swiftSettings: strict),
    .target(
      name: "CoppiceFUSE", dependencies: ["CFuse", "CLinux", "Coppice", "CoppicePlatform"],
      swiftSettings: strict),
    .executableTarget(
      name: "coppice",
      dependencies: [
        "Coppice", "CoppiceFormat", "CoppicePlatform", "CoppiceServer",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["CoppiceFormat", "CoppicePlatform"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .executableTarget(
      name: "CoppiceFuzzing", dependencies: ["TestSupport"], path: "Tests/Fuzzing",
      swiftSettings: strict),
    .testTarget(
      name: "CoppicePlatformTests", dependencies: ["CoppicePlatform", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "CoppiceFormatTests", dependencies: ["CoppiceFormat", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "CoppiceEngineTests",
      dependencies: ["CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "CompatibilityTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CoppiceTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "TestSupport",
      ],
      swiftSettings: strict),
    // Writes to a store and says what is durable, until a test kills it.
    .executableTarget(
      name: "WritingDriver", dependencies: ["Coppice"], path: "Tests/WritingDriver",
      swiftSettings: strict),
    // Mounts a store until its input ends, or a test kills it.
    .executableTarget(
      name: "MountDriver", dependencies: ["Coppice", "CoppiceFUSE"], path: "Tests/MountDriver",
      swiftSettings: strict),
    .target(name: "CFileCalls", path: "Tests/CFileCalls"),
    .testTarget(
      name: "CoppiceFUSETests",
      dependencies: [
        "CFileCalls", "Coppice", "CoppiceFUSE", "CoppicePlatform", "MountDriver", "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CommandTests",
      dependencies: ["Coppice", "CoppiceFormat", "TestSupport", "WritingDriver", "coppice"],
      swiftSettings: strict),
  ]
)

// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// A product of a package that only the server and the command need.
func server(_ product: String, _ package: String) -> Target.Dependency {
  .product(name: product, package: package, condition: .when(traits: ["Server"]))
}

/// A product of a package that pools need, and so the server.
func pools(_ product: String, _ package: String) -> Target.Dependency {
  .product(name: product, package: package, condition: .when(traits: ["Pools"]))
}

let package = Package(
  name: "coppice",
  products: [
    .library(name: "Coppice", targets: ["Coppice"]),
    .library(name: "CoppiceFUSE", targets: ["CoppiceFUSE"]),
    .library(name: "CoppicePools", targets: ["CoppicePools", "CoppiceS3"]),
    .executable(name: "coppice", targets: ["coppice"]),
  ],
  traits: [
    // Without any only the products Coppice and CoppiceFUSE can be used, and no package is fetched.
    .trait(name: "Pools", description: "Copies in object stores, with the packages they need."),
    .trait(
      name: "Server", description: "The server and the command, with the packages they need.",
      enabledTraits: ["Pools"]),
    .default(enabledTraits: ["Server"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
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
    .target(name: "CoppiceErrors", swiftSettings: strict),
    .target(
      name: "CoppiceEngine", dependencies: ["CoppiceErrors", "CoppiceFormat", "CoppicePlatform"],
      swiftSettings: strict),
    .target(
      name: "Coppice",
      dependencies: ["CoppiceEngine", "CoppiceErrors", "CoppiceFormat", "CoppicePlatform"],
      swiftSettings: strict),
    .target(
      name: "CoppiceLifecycle",
      dependencies: [
        "CXXHash", "Coppice", "CoppiceEngine", "CoppiceErrors", "CoppicePlatform",
        server("Crypto", "swift-crypto"),
      ], swiftSettings: strict),
    .target(
      name: "CoppicePools",
      dependencies: [
        "CoppiceEngine", "CoppiceErrors", "CoppiceFormat", "CoppicePlatform",
        pools("Crypto", "swift-crypto"),
      ], swiftSettings: strict),
    .target(
      name: "CoppiceS3",
      dependencies: [
        "CoppicePlatform", "CoppicePools",
        pools("AsyncHTTPClient", "async-http-client"),
        pools("Crypto", "swift-crypto"),
        pools("NIOCore", "swift-nio"),
        pools("NIOHTTP1", "swift-nio"),
        pools("NIOPosix", "swift-nio"),
        pools("NIOSSL", "swift-nio-ssl"),
      ], swiftSettings: strict),
    .target(
      name: "CoppicePostgreSQL", dependencies: ["CoppiceErrors"], swiftSettings: strict),
    .target(
      name: "CoppiceEstimate",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceErrors", "CoppicePlatform", "CoppicePostgreSQL",
      ], swiftSettings: strict),
    .target(
      name: "CoppiceInstances",
      dependencies: [
        "CLinux", "Coppice", "CoppiceEngine", "CoppiceErrors", "CoppiceLifecycle",
        "CoppicePlatform", "CoppicePostgreSQL",
        server("Crypto", "swift-crypto"),
        server("Logging", "swift-log"),
        server("NIOCore", "swift-nio"),
        server("NIOPosix", "swift-nio"),
        server("NIOSSL", "swift-nio-ssl"),
        server("NIOTLS", "swift-nio"),
      ], swiftSettings: strict),
    .target(
      name: "CoppiceServer",
      dependencies: [
        "CLinux", "Coppice", "CoppiceEngine", "CoppiceErrors", "CoppiceFormat",
        "CoppiceInstances", "CoppiceLifecycle", "CoppicePlatform", "CoppicePools",
        "CoppicePostgreSQL", "CoppiceS3",
        server("AsyncHTTPClient", "async-http-client"),
        server("Hummingbird", "hummingbird"),
        server("Logging", "swift-log"),
        server("HTTPTypes", "swift-http-types"),
        server("NIOConcurrencyHelpers", "swift-nio"),
        server("NIOCore", "swift-nio"),
        server("NIOHTTP1", "swift-nio"),
        server("NIOPosix", "swift-nio"),
        server("ServiceLifecycle", "swift-service-lifecycle"),
        server("UnixSignals", "swift-service-lifecycle"),
      ], swiftSettings: strict),
    .target(
      name: "CoppiceFUSE",
      dependencies: ["CFuse", "CLinux", "Coppice", "CoppiceEngine", "CoppicePlatform"],
      swiftSettings: strict),
    .executableTarget(
      name: "coppice",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceEstimate", "CoppiceFUSE", "CoppiceFormat",
        "CoppiceInstances", "CoppiceLifecycle", "CoppicePlatform", "CoppicePostgreSQL",
        "CoppiceServer",
        server("ArgumentParser", "swift-argument-parser"),
        server("Logging", "swift-log"),
      ], swiftSettings: strict),

    .target(
      name: "TestSupport", dependencies: ["CoppiceFormat", "CoppicePlatform", "CoppicePostgreSQL"],
      path: "Tests/TestSupport", swiftSettings: strict),
    // An object store in memory whose answers a seed decides.
    .target(
      name: "PoolTestSupport",
      dependencies: ["CoppiceFormat", "CoppicePlatform", "CoppicePools", "TestSupport"],
      path: "Tests/PoolTestSupport", swiftSettings: strict),
    // An object store in memory that speaks S3 on loopback, and fails when it is told to.
    .target(
      name: "S3TestServer",
      dependencies: [
        pools("Crypto", "swift-crypto"),
        pools("NIOCore", "swift-nio"),
        pools("NIOHTTP1", "swift-nio"),
        pools("NIOPosix", "swift-nio"),
        pools("NIOSSL", "swift-nio-ssl"),
      ],
      path: "Tests/S3TestServer", swiftSettings: strict),
    // The same for scripts, until their end.
    .executableTarget(
      name: "S3TestDriver", dependencies: ["S3TestServer"], path: "Tests/S3TestDriver",
      swiftSettings: strict),
    .executableTarget(
      name: "CoppiceFuzzing", dependencies: ["TestSupport"], path: "Tests/Fuzzing",
      swiftSettings: strict),
    .testTarget(name: "StyleTests", swiftSettings: strict),
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
    // Does the work of hot paths, for their instructions to be counted.
    .executableTarget(
      name: "InstructionDriver",
      dependencies: [
        "CoppiceEngine", "CoppiceErrors", "CoppiceFormat", "CoppicePlatform", "TestSupport",
      ], path: "Tests/InstructionDriver", swiftSettings: strict),
    .testTarget(
      name: "InstructionTests", dependencies: ["InstructionDriver", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "SimulationTests",
      dependencies: ["CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "CompatibilityTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceFormat", "CoppicePlatform", "CoppicePools",
        "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CoppiceLifecycleTests",
      dependencies: [
        "Coppice", "CoppiceErrors", "CoppiceLifecycle", "CoppicePlatform", "TestSupport",
      ], swiftSettings: strict),
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
      name: "CoppicePoolsTests",
      dependencies: [
        "CoppiceEngine", "CoppiceErrors", "CoppiceFormat", "CoppicePlatform", "CoppicePools",
        "PoolTestSupport", "TestSupport",
      ], swiftSettings: strict),
    .testTarget(
      name: "CoppiceS3Tests",
      dependencies: [
        "CoppicePlatform", "CoppicePools", "CoppiceS3", "PoolTestSupport", "S3TestServer",
        "TestSupport",
      ],
      swiftSettings: strict),
    .testTarget(
      name: "CoppicePostgreSQLTests",
      dependencies: ["CoppiceErrors", "CoppicePlatform", "CoppicePostgreSQL", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "CoppiceEstimateTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceEstimate", "CoppicePlatform", "CoppicePostgreSQL",
        "TestSupport",
      ], swiftSettings: strict),
    // Opens doors before one server, until a test kills it.
    .executableTarget(
      name: "FrontDoorDriver",
      dependencies: ["CoppiceInstances", server("Logging", "swift-log")],
      path: "Tests/FrontDoorDriver", swiftSettings: strict),
    .testTarget(
      name: "CoppiceInstancesTests",
      dependencies: [
        "CoppiceErrors", "CoppiceInstances", "CoppicePlatform", "CoppicePostgreSQL",
        "FrontDoorDriver", "TestSupport", "coppice", server("Logging", "swift-log"),
        server("NIOPosix", "swift-nio"),
        server("NIOSSL", "swift-nio-ssl"),
      ], swiftSettings: strict),
    .testTarget(
      name: "CoppiceServerTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceLifecycle", "CoppicePlatform", "CoppiceServer",
        "TestSupport", server("Logging", "swift-log"),
      ], swiftSettings: strict),
    .testTarget(
      name: "CommandTests",
      dependencies: [
        "Coppice", "CoppiceEngine", "CoppiceEstimate", "CoppiceFormat", "CoppiceLifecycle",
        "CoppicePlatform", "CoppiceServer", "S3TestServer", "TestSupport", "WritingDriver",
        "coppice",
      ],
      swiftSettings: strict),
  ]
)

// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that who builds Coppice needs none of its peers.
let package = Package(
  name: "benchmarks",
  dependencies: [.package(name: "coppice", path: "..")],
  targets: [
    .systemLibrary(name: "CLMDB", providers: [.apt(["liblmdb-dev"])]),
    .systemLibrary(name: "CRocksDB", providers: [.apt(["librocksdb-dev"])]),
    .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
    .executableTarget(
      name: "CoppiceBenchmarks",
      dependencies: [
        .product(name: "Coppice", package: "coppice"),
        .product(name: "CoppiceFUSE", package: "coppice"), "CLMDB", "CRocksDB", "CSQLite",
      ],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
      ]),
  ]
)

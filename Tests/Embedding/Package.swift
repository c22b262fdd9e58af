// swift-tools-version: 6.2
import PackageDescription

// A program that embeds the library alone: without traits nothing of the server is fetched or
// built. It sees no member of a module that it does not import.
let package = Package(
  name: "embedding",
  dependencies: [.package(name: "coppice", path: "../..", traits: [])],
  targets: [
    .executableTarget(
      name: "Embedding", dependencies: [.product(name: "Coppice", package: "coppice")],
      swiftSettings: [
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
      ])
  ]
)

internal import CoppiceFormat
package import CoppicePlatform

extension Engine {
  /// As `check` of an open store, for one that may be too damaged to open: what keeps it from
  /// opening is a finding then, and what the catalogue alone leads to is checked.
  ///
  /// - Throws: what opening throws when that says nothing about the store: `notFound`, `inUse`,
  ///   `denied`, `unsupportedFormat`.
  package static func check(
    disk: any Disk, clock: any StoreClock, options: EngineOptions,
    progress: (CheckProgress) -> Bool
  ) throws(StoreError) -> CheckReport {
    var options = options
    options.isReadOnly = true
    options.usesThreads = false
    let engine: Engine
    do throws(StoreError) {
      engine = try Engine.open(disk: disk, clock: clock, options: options)
    } catch {
      guard error.kind == .corrupt || error.kind == .unavailable, error.reason != .passing
      else { throw error }
      return try withoutActuallyEscaping(progress) { progress throws(StoreError) in
        try Checks.checkUnopened(disk, because: error, progress)
      }
    }
    defer { engine.abandon() }
    return try engine.checks.check(progress: progress)
  }
}

internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer
internal import Foundation

/// A program that runs while branches are renewed for it.
struct RenewedProgram {
  private let command: [String]
  private let request: RenewRequest
  private let options: StoreArguments

  init(_ command: [String], _ request: RenewRequest, _ options: StoreArguments) {
    self.command = command
    self.request = request
    self.options = options
  }

  /// Renews, starts the program, and renews until it ends; returns its status. A renewal that fails
  /// is told, once for each failure in a row, and tried again at the next third.
  ///
  /// Throws what the first renewal does, and `invalid` when none of the branches has a lease.
  func run() throws(StoreError) -> Int32 {
    let answer = try options.perform(request)
    let ends = answer.entries.compactMap { entry in entry.leaseUntil }
    guard let end = ends.min() else {
      throw StoreError(
        .invalid, "has no lease that a program could be renewed for",
        object: request.names.first ?? "", remedy: "give it one with --lease 10m")
    }
    let now = SystemClock().wallNanoseconds()
    let pause = max(Double(end.nanoseconds - now) / 3e9, 0.1)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["--"] + command
    let isOver = DispatchSemaphore(value: 0)
    process.terminationHandler = { _ in isOver.signal() }
    PassedSignals.begin()
    do { try process.run() } catch {
      throw StoreError(
        .unavailable, "the program cannot be started", object: command[0], cause: "\(error)")
    }
    PassedSignals.pass(to: process.processIdentifier)
    var told: StoreError?
    while isOver.wait(timeout: .now() + pause) == .timedOut {
      do throws(StoreError) {
        _ = try options.perform(request)
        told = nil
      } catch {
        if error != told { ErrorReport(error).print(isJSON: options.json) }
        told = error
      }
    }
    PassedSignals.end()
    let status = process.terminationStatus
    return process.terminationReason == .uncaughtSignal ? 128 + status : status
  }
}

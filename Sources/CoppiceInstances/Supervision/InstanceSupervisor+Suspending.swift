package import Coppice
internal import CoppiceLifecycle
internal import CoppicePlatform
internal import CoppicePostgreSQL
internal import Logging

/// Instances of branches that are changed as a whole: reset, renamed, replaced or ended.
extension InstanceSupervisor {
  /// Ends the instances of branches, and lets nobody start or end any of theirs until `body` has
  /// returned. Then those that shall run are started again, where the branch is still there and
  /// live, under the name that it has then; of deleted ones nothing is left. Whether `body` can do
  /// what it is to do should be known before: clients are cut off by this.
  ///
  /// - Parameters:
  ///   - names: what is no branch is passed over.
  ///   - isStartingAgain: `false` leaves that to the caller, but where `body` throws.
  package func suspending<Result>(
    _ names: [String], isStartingAgain: Bool = true, _ body: () throws(StoreError) -> Result
  ) throws(StoreError) -> Result {
    let held = hold(names)
    defer { for instance in held { instance.release() } }
    var records: [UInt64: InstanceRecord] = [:]
    for (entry, value) in try store.entries(carrying: .instance, in: .named) {
      records[entry.id] = InstanceRecord(value)
    }
    // All are asked before the first is waited for.
    for instance in held { instance.snapshot.process?.signal(.fast) }
    for instance in held where instance.snapshot.process != nil {
      end(instance, by: .fast, waitSeconds: Self.fastSeconds)
      door.endConnections(of: instance.id)
    }
    let result: Result
    do throws(StoreError) { result = try body() } catch {
      settle(held, records, isStartingAgain: true)
      throw error
    }
    settle(held, records, isStartingAgain: isStartingAgain)
    return result
  }

  /// The instances of branches, in the order of their numbers, so that two who hold several never
  /// wait for each other. Whoever waits for one of them to start gives up.
  private func hold(_ names: [String]) -> [RunningInstance] {
    while true {
      let ids = Set(names.compactMap { name in (try? store.branch(name))?.id }).sorted()
      let instances = ids.map(instance)
      for instance in instances {
        instance.withStatus { $0.isEndWanted = true }
        instance.hold()
      }
      if instances.allSatisfy(isKnown) { return instances }
      for instance in instances { instance.release() }
    }
  }

  private func settle(
    _ held: [RunningInstance], _ records: [UInt64: InstanceRecord], isStartingAgain: Bool
  ) {
    for instance in held {
      let entry = store.entry(ofID: instance.id)
      guard let entry, entry.state == .live else {
        leave(instance.id)
        // What it printed is of interest as long as the branch has its name.
        if entry?.state != .expired {
          InstanceDirectory.remove(store: store.identifier, entry: instance.id)
        }
        continue
      }
      instance.withStatus { $0.isEndWanted = false }
      guard let record = records[instance.id] else {
        forget(instance.id)
        continue
      }
      // The door's words name the branch.
      door.close(instance.id)
      guard record.shallRun, isStartingAgain else { continue }
      do throws(StoreError) {
        instance.withStatus { $0.brake = RestartBrake() }
        _ = try start(try store.branch(entry.name), instance, record, InstanceWishes())
      } catch {
        logger.error("instance of \(entry.name), started again: \(error.commandText)")
      }
    }
  }

  /// Nothing but what it printed is left of an instance that has ended.
  func leave(_ id: UInt64) {
    door.close(id)
    mount.showAsStored(entry: id)
    forget(id)
  }
}

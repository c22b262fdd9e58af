import Coppice
import CoppicePlatform
import CoppiceServer
import Synchronization
import Testing

@Suite struct RunningWorksTests {
  /// Work that goes on until it is let go.
  private final class Gate: Sendable {
    private let monitor = Monitor()
    private let isOpen = Mutex(false)

    func wait() {
      monitor.withLock {
        while !isOpen.withLock({ $0 }) { monitor.wait() }
      }
    }

    func open() {
      monitor.withLock {
        isOpen.withLock { $0 = true }
        monitor.broadcast()
      }
    }
  }

  @Test func `brief requests are answered however many others wait`() async {
    let works = RunningWorks()
    let gate = Gate()
    await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<40 {
        group.addTask {
          let outcome = await works.run(Work()) { () throws(StoreError) in gate.wait() }
          return (try? outcome.get()) != nil
        }
      }
      let brief = await works.run(Work(), isBrief: true) { () throws(StoreError) in 7 }
      #expect((try? brief.get()) == 7)
      gate.open()
      for await isDone in group { #expect(isDone) }
    }
  }

  @Test func `work that was called off says why`() async {
    let works = RunningWorks()
    let work = Work()
    work.cancel(because: StoreError(.unavailable, "nobody asks any more"))
    for isBrief in [false, true] {
      let outcome = await works.run(work, isBrief: isBrief) { () throws(StoreError) in 7 }
      guard case .failure(let error) = outcome else {
        Issue.record("it was carried out")
        continue
      }
      #expect(error.message == "nobody asks any more")
    }
  }
}

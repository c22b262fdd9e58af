internal import CoppiceLifecycle
internal import Foundation
internal import Testing

/// How far the wall clock is trusted, and what is known of uptime.
@Suite struct ReaperClockTests {
  private static let minute: Int64 = 60_000_000_000
  private static let start: Int64 = 1_764_460_800_000_000_000

  /// A clock in a machine, which goes from moment to moment in minutes.
  private struct Machine {
    var clock = ReaperClock()
    var now = ReaperClocks(wall: ReaperClockTests.start, boot: 0, bootID: "first")

    init() { clock.advance(to: now) }

    /// Uptime goes on; the wall clock leaps besides.
    @discardableResult
    mutating func go(_ minutes: Int64, leaping: Int64 = 0) -> Int64 {
      now.boot += minutes * ReaperClockTests.minute
      now.wall += (minutes + leaping) * ReaperClockTests.minute
      return clock.advance(to: now) / ReaperClockTests.minute
    }

    /// The machine starts again, after so long.
    mutating func restart(off minutes: Int64) {
      now.bootID += "+"
      now.boot = 0
      now.wall += minutes * ReaperClockTests.minute
      clock.advance(to: now)
    }

    /// Minutes of uptime at least, since a wall clock's time.
    func uptime(since wall: Int64) -> Int64 {
      clock.uptime(since: wall) / ReaperClockTests.minute
    }
  }

  @Test func `without leaps uptime is the wall clock's difference`() {
    var machine = Machine()
    machine.go(10)
    let began = machine.now.wall
    for _ in 0..<5 { #expect(machine.go(7) == 0) }
    #expect(machine.uptime(since: began) == 35)
    machine.go(600)
    #expect(machine.uptime(since: began) == 635)
    #expect(machine.clock.isTrusted)
  }

  @Test func `what began before this clock was made has no uptime before it`() {
    var machine = Machine()
    machine.go(10)
    #expect(machine.uptime(since: Self.start - 90 * Self.minute) == 10)
  }

  @Test func `a leap ahead counts as no uptime`() {
    var machine = Machine()
    machine.go(90)
    let began = machine.now.wall
    machine.go(5)
    #expect(machine.go(1, leaping: 50) == 50)
    #expect(machine.clock.isTrusted)
    #expect(machine.uptime(since: began) == 6)
    for _ in 0..<9 { machine.go(6) }
    #expect(machine.uptime(since: began) >= 60)
    // What begins later knows of no leap once an hour or two have gone by.
    for _ in 0..<12 { machine.go(10) }
    let later = machine.now.wall
    machine.go(3)
    #expect(machine.uptime(since: later) == 3)
  }

  @Test func `a leap back makes things look younger, never older`() {
    var machine = Machine()
    machine.go(90)
    let began = machine.now.wall
    machine.go(30, leaping: -50)
    #expect(machine.uptime(since: began) == 0)
    machine.go(1, leaping: 50)
    #expect(machine.uptime(since: began) == 0)
    machine.go(40)
    #expect(machine.uptime(since: began) == 21)
  }

  @Test func `the time for which a machine was off is no uptime`() {
    var machine = Machine()
    machine.go(90)
    let began = machine.now.wall
    machine.go(30)
    machine.restart(off: 600)
    #expect(machine.clock.isTrusted)
    #expect(machine.uptime(since: began) == 30)
    machine.go(20)
    #expect(machine.uptime(since: began) == 50)
    machine.go(20)
    #expect(machine.uptime(since: began) == 70)
  }

  @Test func `something ends though the machine never stays on for an hour`() {
    var machine = Machine()
    machine.go(50)
    let began = machine.now.wall
    for _ in 0..<4 {
      machine.go(20)
      machine.restart(off: 10)
    }
    #expect(machine.uptime(since: began) >= 60)
  }

  @Test func `a leap of over an hour is not followed until it is past`() {
    for leap in [Int64(180), -180] {
      var machine = Machine()
      machine.go(30)
      machine.go(1, leaping: leap)
      #expect(!machine.clock.isTrusted)
      machine.go(179)
      #expect(!machine.clock.isTrusted)
      machine.go(1)
      #expect(machine.clock.isTrusted)
      machine.go(1)
      #expect(machine.clock.isTrusted)
    }
  }

  @Test func `a leap that is taken back is over`() {
    var machine = Machine()
    machine.go(30)
    machine.go(1, leaping: 5_000_000)
    #expect(!machine.clock.isTrusted)
    machine.go(1, leaping: -5_000_000)
    #expect(machine.clock.isTrusted)
  }

  @Test func `leaps that are small add up, unless there are two hours between`() {
    var machine = Machine()
    machine.go(30)
    machine.go(1, leaping: 40)
    #expect(machine.clock.isTrusted)
    machine.go(1, leaping: 40)
    #expect(!machine.clock.isTrusted)

    var slow = Machine()
    for _ in 0..<10 {
      slow.go(61, leaping: 40)
      slow.go(61)
      #expect(slow.clock.isTrusted)
    }
  }

  @Test func `a clock that stands still is not followed until it goes on`() {
    var machine = Machine()
    for _ in 0..<6 { machine.go(10, leaping: -10) }
    #expect(machine.clock.isTrusted)
    for _ in 6..<46 {
      machine.go(10, leaping: -10)
      #expect(!machine.clock.isTrusted)
    }
    machine.go(1, leaping: 460)
    #expect(machine.clock.isTrusted)
  }

  @Test func `a clock that is behind after a restart is not followed`() {
    var machine = Machine()
    machine.go(300)
    machine.restart(off: -90)
    #expect(!machine.clock.isTrusted)
    machine.go(90)
    #expect(machine.clock.isTrusted)
  }

  @Test func `a clock that was wrong is right after a restart`() {
    var machine = Machine()
    machine.go(30)
    machine.go(1, leaping: 5_000_000)
    machine.restart(off: -5_000_000)
    #expect(machine.clock.isTrusted)
  }

  @Test func `to follow the clock ends the doubt, and keeps what is known of uptime`() {
    var machine = Machine()
    machine.go(90)
    let began = machine.now.wall
    machine.go(1, leaping: 600)
    machine.clock.follow()
    #expect(machine.clock.isTrusted)
    machine.go(1)
    #expect(machine.clock.isTrusted)
    #expect(machine.uptime(since: began) == 2)
  }

  @Test func `the ends of time overflow nothing`() throws {
    for walls in [[Int64.min, .max, .min, 0, .max], [0, .max, .min, .max, .min]] {
      var clock = ReaperClock()
      for (index, wall) in walls.enumerated() {
        clock.advance(
          to: ReaperClocks(wall: wall, boot: index % 2 == 0 ? .max : 0, bootID: "\(index / 2)"))
        #expect(clock.uptime(since: .min) >= 0)
        #expect(clock.uptime(since: .max) >= 0)
      }
      let encoded = try JSONEncoder().encode(clock)
      #expect(try JSONDecoder().decode(ReaperClock.self, from: encoded) == clock)
    }
  }
}

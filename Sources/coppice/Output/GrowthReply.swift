internal import Coppice
internal import CoppicePlatform
internal import CoppiceServer

/// What the store and branches stored over time.
struct GrowthReply: Reply {
  enum Form { case table, csv, forecast }

  let answer: GrowthRequest.Answer
  let form: Form

  func encode(to encoder: any Encoder) throws { try answer.encode(to: encoder) }

  var text: String {
    switch form {
    case .table: answer.entries.isEmpty ? storeTable : entriesTable
    case .csv: csv
    case .forecast: forecast
    }
  }

  // MARK: Tables

  private var storeTable: String {
    var table = TextTable(
      ("stored", .right), ("garbage", .right), ("free", .right), ("time", .left))
    for sample in answer.store {
      table.add(
        Output.bytes(sample.storedByteCount), Output.bytes(sample.garbageByteCount),
        Output.bytes(sample.freeByteCount), Output.time(sample.sampledAt))
    }
    return table.text
  }

  private var entriesTable: String {
    var table = TextTable(
      ("stored", .right), ("new", .right), ("delta", .right), ("equal", .right), ("time", .left),
      ("name", .left))
    for entry in answer.entries {
      for sample in entry.samples {
        table.add(
          Output.bytes(sample.storedByteCount), "\(sample.newPageCount)",
          "\(sample.deltaPageCount)", "\(sample.duplicatePageCount)", Output.time(sample.sealedAt),
          entry.name)
      }
    }
    return table.text
  }

  /// By RFC 4180; names of branches have neither commas nor quotes that would need more than these.
  private var csv: String {
    if answer.entries.isEmpty {
      return answer.store.reduce(
        into: "sampledAt,storedByteCount,garbageByteCount,freeByteCount\r\n"
      ) { text, sample in
        text += "\(sample.sampledAt),\(sample.storedByteCount),\(sample.garbageByteCount),"
        text += "\(sample.freeByteCount)\r\n"
      }
    }
    var text =
      "name,sealedAt,storedByteCount,newPageCount,deltaPageCount,duplicatePageCount\r\n"
    for entry in answer.entries {
      let name =
        "\""
        + entry.name.split(separator: "\"", omittingEmptySubsequences: false)
        .joined(separator: "\"\"") + "\""
      for sample in entry.samples {
        text += "\(name),\(sample.sealedAt),\(sample.storedByteCount),\(sample.newPageCount),"
        text += "\(sample.deltaPageCount),\(sample.duplicatePageCount)\r\n"
      }
    }
    return text
  }

  // MARK: Forecast

  private var forecast: String {
    if answer.entries.isEmpty { return "store: \(Self.text(answer.forecast))\n" }
    return answer.entries.map { "\(Output.printable($0.name)): \(Self.text($0.forecast))\n" }
      .joined()
  }

  static func text(
    _ forecast: GrowthForecast?, now: Int64 = SystemClock().wallNanoseconds()
  ) -> String {
    guard let forecast else {
      return "no forecast yet: it takes six samples, and an hour between the first and the last"
    }
    let rate = forecast.growthByteCountPerDay
    var text = "\(rate < 0 ? "-" : "+")\(Output.bytes(rate.magnitude)) a day"
    text += ", by \(Output.count(forecast.sampleCount, "sample")) since "
    text += Output.time(forecast.sinceAt)
    if let end = forecast.fullAt { text += "; the disk is full in \(span(to: end, now))" }
    if let end = forecast.limitAt { text += "; at its limit in \(span(to: end, now))" }
    return text
  }

  /// `about 9 days`.
  private static func span(to end: Timestamp, _ now: Int64) -> String {
    let hours = max(0, (Double(end.nanoseconds) - Double(now)) / 3.6e12)
    if hours < 1 { return "less than an hour" }
    let (count, unit) =
      hours < 48
      ? (hours, "hour") : hours < 24 * 60 ? (hours / 24, "day") : (hours / (24 * 30.44), "month")
    return "about \(Output.count(Int(count.rounded()), unit))"
  }
}

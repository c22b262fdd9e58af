internal import Coppice

extension Finding {
  /// Several lines.
  var text: String {
    var text = "\(Output.printable(object)): \(Output.printable(message))\n"
    for item in affected {
      let place = item.path.map { "\(item.branch):\($0)" } ?? "\(item.branch), several files"
      let count = item.pages.reduce(0) { $0 + $1.pageCount }
      let extent = item.pages.isEmpty ? "all pages" : Output.count(Int(clamping: count), "page")
      text += "  concerns \(Output.printable(place)), \(extent)\n"
    }
    if isUnused { text += "  nothing refers to it: 'coppice gc --full' takes it away\n" }
    return text
  }
}

/// Names and texts as they stand in a statement, whatever they hold.
public enum SQLText {
  /// A name: in double quotes, those in it written twice.
  ///
  /// - Parameter name: without a zero byte, which no name of a server has.
  public static func name(_ name: String) -> String { "\"\(name.doubling(["\""]))\"" }

  /// A text, read the same way whatever `standard_conforming_strings` says: an escape text, quotes
  /// and backslashes written twice.
  ///
  /// - Parameter text: without a zero byte, which no text of a server has.
  public static func text(_ text: String) -> String { "E'\(text.doubling(["'", "\\"]))'" }
}

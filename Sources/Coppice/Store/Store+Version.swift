extension Store {
  /// The version of the library, as its command and what it signs say it.
  public static let version = "0.1.0"
}

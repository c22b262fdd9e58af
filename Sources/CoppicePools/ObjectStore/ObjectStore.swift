/// An engine that keeps whole objects by key, and changes one under a condition: all that a pool
/// asks of what lies under it.
///
/// Every call waits for its answer, may be made from any thread, and takes as many at once as the
/// store's limits let through. No call waits for ever: each has its time, and ends with what is
/// known then. Bodies belong to the caller, before and after; an object has at most
/// `ObjectLimits.byteCountMax` bytes.
///
/// What is read may be older than what was written last: no call concludes from an answer that
/// nothing else happened meanwhile. The one promise that a pool builds on is that of `create` and
/// `replace`: among those that name the same condition of one object at most one ever lands.
/// `ObjectStoreProbe` finds stores that do not keep it.
///
/// A thrown `ObjectStoreError` of a write means that the store, or the way to it, said that nothing
/// was written; what may have been is an outcome, `unknown`.
public protocol ObjectStore: AnyObject, Sendable {
  /// Bytes of an object: all of it, or exactly those of `range`, which must not be empty.
  ///
  /// An answer with other bytes than those asked for is thrown away and asked for again.
  /// Throws `missing`, and `beyondEnd` when the object ends before the range.
  func get(_ key: ObjectKey, _ range: Range<Int>?) throws(ObjectStoreError) -> FetchedObject

  /// What an object is now. Throws `missing`.
  func head(_ key: ObjectKey) throws(ObjectStoreError) -> ObjectStatus

  /// Writes an object that is not there: otherwise `refused`.
  ///
  /// Sent once. While the outcome is unknown the request may still land; it cannot any more once
  /// the object is there.
  func create(_ key: ObjectKey, _ bytes: [UInt8]) throws(ObjectStoreError) -> WriteOutcome

  /// Writes an object that has this tag: otherwise, and where there is none, `refused`.
  ///
  /// Sent once. While the outcome is unknown the request may still land; it cannot any more once
  /// the object has another tag that no later content shares.
  func replace(
    _ key: ObjectKey, tagged tag: ObjectTag, by bytes: [UInt8]
  ) throws(ObjectStoreError) -> WriteOutcome

  /// Writes an object whose bytes are the same whoever writes them, or that may be written late
  /// and twice without harm: sent again until an answer comes.
  ///
  /// Where one stays that is there, `done` also means that it has these very bytes.
  func put(
    _ key: ObjectKey, _ bytes: [UInt8], _ rule: PutRule
  ) throws(ObjectStoreError) -> WriteOutcome

  /// Removes an object; one that is not there is no failure. Sent again until an answer comes, so a
  /// late one may remove what is written afterwards: keys that are removed are not used again.
  func remove(_ key: ObjectKey) throws(ObjectStoreError)

  /// Objects whose keys begin with these bytes, some at a time. May lack new ones and show removed
  /// ones: nothing that must be right rests on it.
  func list(_ prefix: String, from place: ListPlace?) throws(ObjectStoreError) -> ObjectPage

  /// What the store's clock shows before or behind this machine's, by its last answer.
  var clockOffset: Duration? { get }

  var traffic: ObjectTraffic { get }
}

extension ObjectStore {
  /// All objects whose keys begin with these bytes.
  public func listAll(_ prefix: String) throws(ObjectStoreError) -> [ListedObject] {
    var objects: [ListedObject] = []
    var place: ListPlace?
    repeat {
      let page = try list(prefix, from: place)
      objects += page.objects
      place = page.next
    } while place != nil
    return objects
  }
}

public enum ObjectLimits {
  /// Of one object: 64 MiB of content, and room for what it is sealed with.
  public static let byteCountMax = 65 << 20
}

package import CoppiceFormat
package import CoppicePlatform

/// The one place where failed calls and bad bytes become what users see.
extension StoreError {
  package init(_ error: SystemError, while action: String) {
    let kind: Kind
    let remedy: Remedy
    if error.isFull {
      kind = .full
      remedy = "free space on the file system"
    } else if error.isDenied {
      kind = .denied
      remedy = "check the rights of the store's files"
    } else if error.isMissing {
      kind = .notFound
      remedy = ""
    } else if error.isExisting {
      kind = .conflict
      remedy = ""
    } else if error.isLocked {
      kind = .inUse
      remedy = "end the other process, or use its server"
    } else if error.isOutOfFiles {
      kind = .unavailable
      remedy = "close files or raise the limit of open files (ulimit -n), and try again"
    } else if error.isOutOfMemory {
      kind = .unavailable
      remedy = "free memory and try again"
    } else if error.isUnanswered {
      kind = .unavailable
      remedy = "look whether the store's device is there and its file system answers, and try again"
    } else {
      kind = .unavailable
      remedy = "look at the system's log for the device"
    }
    self.init(
      kind, "\(action) failed", object: error.path, remedy: remedy, cause: error.description,
      reason: error.isPassing ? .passing : nil)
  }

  package init(_ error: FormatError, in object: String) {
    if error.isUnsupported {
      self.init(
        .unsupportedFormat, "\(error)", object: object,
        remedy: "open it with the version of Coppice that wrote it, or a later one")
    } else {
      self.init(
        .corrupt, "\(error)", object: object, remedy: .damagedStructure)
    }
  }
}

internal import Coppice
internal import Glibc

extension StoreError {
  /// The errno that a file system answers with.
  var errorNumber: Int32 {
    if let reason { return reason.errorNumber }
    return switch kind {
    case .notFound: ENOENT
    case .conflict: EEXIST
    case .inUse: EBUSY
    case .denied: EACCES
    case .full: ENOSPC
    case .invalid: EINVAL
    case .corrupt, .unsupportedFormat, .unavailable: EIO
    }
  }
}

extension StoreError.Reason {
  fileprivate var errorNumber: Int32 {
    switch self {
    case .exists: EEXIST
    case .notEmpty: ENOTEMPTY
    case .notDirectory: ENOTDIR
    case .isDirectory: EISDIR
    case .nameTooLong: ENAMETOOLONG
    case .linkLoop: ELOOP
    case .invalidMove: EINVAL
    case .noAttribute: ENODATA
    case .readOnlyTree: EROFS
    case .stale, .gone: ESTALE
    case .tooManyLinks: EMLINK
    case .tooLarge: EFBIG
    case .notPermitted: EPERM
    case .otherTree: EXDEV
    case .unsupported: EOPNOTSUPP
    case .valueTooLarge: ERANGE
    case .tooManyAttributes, .noRoom, .limit: ENOSPC
    case .protected, .expired, .policy, .copied, .evicted: EPERM
    case .unreachable: ETIMEDOUT
    case .passing, .archived, .unknownOutcome, .oldObject: EIO
    }
  }
}

/// `StoreError` is the one error of the library; users need no other import for it.
@_exported public import CoppiceErrors

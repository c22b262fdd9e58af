/// `StoreError` is the one error of the engine; its sources need no other import for it.
@_exported public import CoppiceErrors

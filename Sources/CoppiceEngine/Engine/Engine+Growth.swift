extension Engine {
  /// Has a branch with a limit measured if it came nearer to it by what is known: by the store's
  /// thread, or at once where there is none.
  package func lookAtGrowth(of branch: EngineBranch) {
    core.lookAtGrowth(of: branch)
    if !options.usesThreads { accounts.measureDue() }
  }
}

public import CoppiceErrors

/// What an instance takes over of its origin's settings: those by which the same statements give
/// the same answers, and are planned in the same way.
public struct OriginSettings: Hashable, Sendable {
  /// In the order of their names.
  public private(set) var settings: [Setting] = []
  /// The origin's `shared_preload_libraries`.
  public private(set) var preloads = ""

  /// Of values and texts. The locale's names (`lc_messages` and the others) are not among them: a
  /// server does not start when the machine has no such locale.
  private static let meanings: Set = [
    "array_nulls", "bytea_output", "datestyle", "default_text_search_config",
    "default_transaction_isolation", "extra_float_digits", "intervalstyle",
    "quote_all_identifiers", "row_security", "search_path", "standard_conforming_strings",
    "timezone", "transform_null_equals", "xmlbinary", "xmloption",
  ]

  /// Of the planner, besides all that begin with `enable_`.
  private static let planning: Set = [
    "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost",
    "cursor_tuple_fraction", "default_statistics_target", "effective_cache_size",
    "from_collapse_limit", "geqo", "geqo_effort", "geqo_generations", "geqo_pool_size", "geqo_seed",
    "geqo_selection_bias", "geqo_threshold", "hash_mem_multiplier", "jit", "jit_above_cost",
    "jit_inline_above_cost", "jit_optimize_above_cost", "join_collapse_limit",
    "min_parallel_index_scan_size", "min_parallel_table_scan_size", "parallel_setup_cost",
    "parallel_tuple_cost", "plan_cache_mode", "random_page_cost", "recursive_worktable_factor",
    "seq_page_cost", "work_mem",
  ]

  /// None.
  public init() {}

  /// - Parameters:
  ///   - files: the origin's, each beaten by those behind it.
  ///   - names: what the instance's version knows, as in `GivenSettings`; others are left out.
  public init(_ files: [SettingsFile], names: Set<String>) {
    let known = Set(names.map { $0.lowercased() })
    let values = files.reduce(into: [String: String]()) { values, file in
      values.merge(file.values) { $1 }
    }
    preloads = values["shared_preload_libraries"] ?? ""
    settings = values.filter { name, value in
      let isTaken =
        Self.meanings.contains(name) || Self.planning.contains(name) || name.hasPrefix("enable_")
      return isTaken && known.contains(name) && Setting.isValue(value)
    }.map(Setting.init).sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// What a copy is to have of them in its own configuration: these, and the libraries that only
  /// look on. Throws as `PreloadedLibraries`.
  public func kept() throws(StoreError) -> [Setting] {
    let libraries = try PreloadedLibraries(origin: preloads).list
    return settings
      + (libraries.isEmpty ? [] : [Setting("shared_preload_libraries", libraries)])
  }
}

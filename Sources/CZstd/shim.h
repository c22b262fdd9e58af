#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

// Swift does not import macros that stand for enumerators.
static const ZSTD_cParameter coppice_zstd_c_format = ZSTD_c_format;
static const ZSTD_dParameter coppice_zstd_d_format = ZSTD_d_format;

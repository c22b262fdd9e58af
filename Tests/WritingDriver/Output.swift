internal import Glibc

/// Makes what was printed visible to whoever reads the pipe.
func flushOutput() { fflush(nil) }

internal import Glibc

/// Makes what was printed visible to whoever reads the pipe.
func flushOutput() { fflush(nil) }

/// Lets other processes go on for 20 ms.
func pause() { usleep(20_000) }

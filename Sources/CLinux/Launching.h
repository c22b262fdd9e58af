// What the files about starting programs share. All of it runs between clone and exec, in a process
// without a heap, and so makes system calls and nothing else.
#ifndef CLINUX_LAUNCHING_H
#define CLINUX_LAUNCHING_H

#include "CLinux.h"

// Makes the root directory of `start` and enters it, in a mount namespace of the process's own.
// Returns 0, or -1 with errno, `step` and `item` saying what failed.
int clinux_enter_root(const struct clinux_start *start, uint32_t *step, uint32_t *item);

// Has the kernel refuse, from here on and for all programs to come, the calls that no PostgreSQL
// needs and that lead out of what isolates it. Needs PR_SET_NO_NEW_PRIVS. Returns 0, or -1 with
// errno.
int clinux_enter_filter(void);

#endif

#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "Launching.h"

// Why there is a filter besides namespaces and a user without rights:
// - In a user namespace of its own any user has all capabilities over further namespaces, and with
//   them the part of the kernel in which most ways to root are found. So no new namespaces.
// - A network namespace does not hold AF_VSOCK (the way to a virtual machine's host) nor some rarer
//   families; only local sockets and the internet's are let be. io_uring would make sockets beside
//   this filter.
// - Keyrings, performance counters, BPF and userfaultfd are of no namespace.
// - Processes of one user may trace each other, and so the one that watches over them.

#if defined(__x86_64__)
#define NATIVE_MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_MACHINE AUDIT_ARCH_AARCH64
#else
#error "the filter of system calls does not know this machine"
#endif

// Calls that newer kernels have under the same number on all machines.
#ifndef __NR_open_tree_attr
#define __NR_open_tree_attr 467
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
// The lower half of an argument, as little-endian machines have it.
#define LOAD_ARGUMENT(index) \
  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[index]))
#define ANSWER(action) BPF_STMT(BPF_RET | BPF_K, action)
#define REFUSAL(code) ANSWER(SECCOMP_RET_ERRNO | (code))
#define SKIP_UNLESS_EQUAL(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, count)
#define SKIP_IF_EQUAL(value, count) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, count, 0)
#define REFUSE(call) SKIP_UNLESS_EQUAL(__NR_##call, 1), REFUSAL(EPERM)

#define NEW_NAMESPACES                                                                        \
  (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID \
   | CLONE_NEWNET)

static struct sock_filter program[] = {
    // Another machine's calls have other numbers.
    LOAD(arch),
    SKIP_IF_EQUAL(NATIVE_MACHINE, 1),
    REFUSAL(EPERM),
    LOAD(nr),
#if defined(__x86_64__)
    // So have the calls with 32-bit pointers.
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
    REFUSAL(EPERM),
#endif
    // Its flags lie in memory, where no filter looks: programs then use `clone`.
    SKIP_UNLESS_EQUAL(__NR_clone3, 1),
    REFUSAL(ENOSYS),
    SKIP_UNLESS_EQUAL(__NR_clone, 4),
    LOAD_ARGUMENT(0),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, NEW_NAMESPACES, 0, 1),
    REFUSAL(EPERM),
    ANSWER(SECCOMP_RET_ALLOW),
    SKIP_UNLESS_EQUAL(__NR_socket, 7),
    LOAD_ARGUMENT(0),
    SKIP_IF_EQUAL(AF_UNIX, 4),
    SKIP_IF_EQUAL(AF_INET, 3),
    SKIP_IF_EQUAL(AF_INET6, 2),
    // The list of network interfaces comes by it.
    SKIP_IF_EQUAL(AF_NETLINK, 1),
    REFUSAL(EAFNOSUPPORT),
    ANSWER(SECCOMP_RET_ALLOW),
    REFUSE(unshare),
    REFUSE(setns),
    REFUSE(mount),
    REFUSE(umount2),
    REFUSE(pivot_root),
    REFUSE(chroot),
    REFUSE(open_tree),
    REFUSE(open_tree_attr),
    REFUSE(move_mount),
    REFUSE(fsopen),
    REFUSE(fspick),
    REFUSE(mount_setattr),
    REFUSE(open_by_handle_at),
    REFUSE(io_uring_setup),
    REFUSE(io_uring_enter),
    REFUSE(io_uring_register),
    REFUSE(bpf),
    REFUSE(perf_event_open),
    REFUSE(userfaultfd),
    REFUSE(add_key),
    REFUSE(request_key),
    REFUSE(keyctl),
    REFUSE(ptrace),
    REFUSE(process_vm_readv),
    REFUSE(process_vm_writev),
    REFUSE(pidfd_getfd),
    ANSWER(SECCOMP_RET_ALLOW),
};

int clinux_enter_filter(void) {
  struct sock_fprog filter = {.len = sizeof program / sizeof program[0], .filter = program};
  return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

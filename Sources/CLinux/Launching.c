#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "Launching.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/securebits.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// A program is started in up to two steps. The child takes its isolation upon itself; with a root
// of its own it is then process 1 of its namespace and stays: it starts the program as process 2,
// passes signals on to it, collects what orphans leave, and ends with it, at which the kernel ends
// all others. (PostgreSQL itself as process 1 takes an orphan that fails for a crashed server of
// its own, and every process of its user could have it survive the launcher.) Without a root of its
// own the child becomes the program.
//
// `report` ends when the program is executed; before, it carries the program's process number, as
// credentials, and what failed.

static const char hello = 'h';

// Of the child: what failed goes to the parent, by the reading end of whom it also sees whether it
// still has one.
static _Noreturn void fail(int report, uint32_t step, uint32_t item) {
  struct clinux_start_failure failure = {.step = step, .item = item, .code = errno};
  send(report, &failure, sizeof failure, MSG_NOSIGNAL);
  _exit(127);
}

static int raise_loopback(void) {
  int file = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (file < 0) return -1;
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int result = ioctl(file, SIOCSIFFLAGS, &request), code = errno;
  close(file);
  errno = code;
  return result;
}

static int write_score(int score) {
  char text[16];
  int count = snprintf(text, sizeof text, "%d", score);
  int file = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  int result = write(file, text, (size_t)count) == count ? 0 : -1, code = errno;
  close(file);
  errno = code;
  return result;
}

// A limit that root may not raise is left at the most that holds.
static int limit(int resource, uint64_t count) {
  struct rlimit now;
  if (getrlimit(resource, &now) != 0) return -1;
  rlim_t most = count < now.rlim_max ? count : now.rlim_max;
  struct rlimit wanted = {.rlim_cur = most, .rlim_max = most};
  return setrlimit(resource, &wanted);
}

static int set_limits(const struct clinux_start *start) {
  // One byte: unlike none it also keeps the kernel from handing a core to a program of the machine.
  struct rlimit core = {.rlim_cur = 1, .rlim_max = 1};
  if (setrlimit(RLIMIT_CORE, &core) != 0) return -1;
  if (start->open_file_max != 0 && limit(RLIMIT_NOFILE, start->open_file_max) != 0) return -1;
  if (start->process_max != 0 && limit(RLIMIT_NPROC, start->process_max) != 0) return -1;
  return 0;
}

// What this process's user may do, for ever nothing.
static int drop_capabilities(void) {
  for (unsigned long number = 0; prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0; number++) {
    if (prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0) return -1;
  }
  if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return -1;
  const unsigned long bits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP_LOCKED
                             | SECBIT_KEEP_CAPS_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE
                             | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  return prctl(PR_SET_SECUREBITS, bits, 0, 0, 0);
}

// By the kernel's calls: those of the C library would have all of its threads do it.
static int become(uint32_t user, uint32_t group) {
  if (syscall(SYS_setgroups, 0, NULL) != 0) return -1;
  if (syscall(SYS_setresgid, group, group, group) != 0) return -1;
  if (syscall(SYS_setresuid, user, user, user) != 0) return -1;
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
  if (syscall(SYS_capset, &header, none) != 0) return -1;
  // Keys of whoever started this are out of reach. A kernel without keys, or a container in which
  // nobody may use them, has none to reach.
  long keyring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
  return keyring >= 0 || errno == ENOSYS || errno == EPERM ? 0 : -1;
}

static void reset_signals(void) {
  struct sigaction standard = {.sa_handler = SIG_DFL};
  for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
}

static _Noreturn void execute(const struct clinux_start *start, int report) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  if (setsid() < 0 && errno != EPERM) fail(report, clinux_step_session, 0);
  int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || dup2(null, 0) < 0 || dup2(start->log, 1) < 0 || dup2(start->log, 2) < 0)
    fail(report, clinux_step_streams, 0);
  // With the program's start all but these three are gone.
  if (syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
    fail(report, clinux_step_streams, 0);
  send(report, &hello, sizeof hello, MSG_NOSIGNAL);
  execve(start->program, start->arguments, start->environment);
  fail(report, clinux_step_program, 0);
}

// Process 1 of the program's namespace, until the program has ended.
static _Noreturn void watch(pid_t program, int ends) {
  prctl(PR_SET_NAME, "coppice-init");
  // The descriptors of the launcher are none of its.
  if (ends > 0) syscall(SYS_close_range, 0, ends - 1, 0);
  syscall(SYS_close_range, ends + 1, ~0U, 0);
  sigset_t all;
  sigfillset(&all);
  while (1) {
    int number = sigwaitinfo(&all, NULL);
    if (number == SIGHUP || number == SIGINT || number == SIGQUIT || number == SIGTERM)
      kill(program, number);
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != program) continue;
      ssize_t count = write(ends, &status, sizeof status);
      _exit(count == sizeof status ? 0 : 1);
    }
  }
}

static _Noreturn void run_child(const struct clinux_start *start, int report, int ends) {
  const int has_root = start->items != NULL;
  reset_signals();
  if (setsid() < 0) fail(report, clinux_step_session, 0);
  if (start->has_score && write_score(start->score) != 0) fail(report, clinux_step_score, 0);
  uint32_t step, item = 0;
  if (has_root && clinux_enter_root(start, &step, &item) != 0) fail(report, step, item);
  if (has_root && raise_loopback() != 0) fail(report, clinux_step_loopback, 0);
  if (has_root && sethostname("coppice", 7) != 0) fail(report, clinux_step_root, 0);
  umask(077);
  if (set_limits(start) != 0) fail(report, clinux_step_limits, 0);
  if (start->has_identity) {
    if (drop_capabilities() != 0) fail(report, clinux_step_capabilities, 0);
    if (become(start->user, start->group) != 0) fail(report, clinux_step_user, 0);
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail(report, clinux_step_capabilities, 0);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  // After the change of user, which would take it back.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) fail(report, clinux_step_session, 0);
  struct pollfd parent = {.fd = report};
  if (poll(&parent, 1, 0) != 0) _exit(127);
  if (start->has_identity && clinux_enter_filter() != 0) fail(report, clinux_step_filter, 0);
  if (start->is_trial) _exit(0);
  if (!has_root) execute(start, report);

  pid_t program = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
  if (program < 0) fail(report, clinux_step_process, 0);
  if (program == 0) execute(start, report);
  watch(program, ends);
}

// Waits until the program is executed, or something failed. Returns its process number, 0 when it
// said none.
static pid_t await_start(int report, struct clinux_start_failure *failure) {
  pid_t program = 0;
  while (1) {
    union {
      struct cmsghdr header;
      char space[CMSG_SPACE(sizeof(struct ucred))];
    } control;
    struct clinux_start_failure content;
    struct iovec part = {.iov_base = &content, .iov_len = sizeof content};
    struct msghdr message = {
        .msg_iov = &part,
        .msg_iovlen = 1,
        .msg_control = control.space,
        .msg_controllen = sizeof control.space,
    };
    ssize_t count = recvmsg(report, &message, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return program;
    if (count == sizeof content) *failure = content;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_type != SCM_CREDENTIALS) continue;
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    program = sender.pid;
  }
}

static void close_ends(int *ends) {
  for (int index = 0; index < 2; index++) {
    if (ends[index] >= 0) close(ends[index]);
    ends[index] = -1;
  }
}

static int open_pairs(int *report, int *ends) {
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, report) != 0) return -1;
  int on = 1;
  if (setsockopt(report[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) != 0) return -1;
  return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static int start_child(
    const struct clinux_start *start, int *report, int *ends,
    struct clinux_started *started, struct clinux_start_failure *failure) {
  unsigned long flags = SIGCHLD;
  if (start->items != NULL)
    flags |= CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWUTS;
  // Blocked from before its first instruction on: process 1 misses none.
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, &before);
  failure->step = clinux_step_namespaces;
  pid_t child = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0);
  failure->code = errno;
  if (child == 0) {
    // The parent's ends: that it has no other is how it is known to live.
    close(report[0]);
    close(ends[0]);
    run_child(start, report[1], ends[1]);
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
  if (child < 0) return -1;
  // From here on the report ends with the child's end of it.
  close(report[1]);
  report[1] = -1;
  failure->step = clinux_step_none;
  pid_t program = await_start(report[0], failure);
  int descriptor = clinux_process_descriptor(child);
  if (descriptor < 0 && failure->step == clinux_step_none) {
    *failure = (struct clinux_start_failure){.step = clinux_step_process, .code = errno};
    kill(child, SIGKILL);
  }
  if (failure->step != clinux_step_none) {
    if (descriptor >= 0) close(descriptor);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    return -1;
  }
  *started = (struct clinux_started){
      .process = program == 0 ? child : program, .child = child, .descriptor = descriptor};
  return 0;
}

int clinux_start(
    const struct clinux_start *start, struct clinux_started *started,
    struct clinux_start_failure *failure) {
  int report[2] = {-1, -1}, ends[2] = {-1, -1};
  *failure = (struct clinux_start_failure){.step = clinux_step_process};
  int result = open_pairs(report, ends);
  if (result != 0) {
    failure->code = errno;
  } else {
    result = start_child(start, report, ends, started, failure);
  }
  if (result == 0) {
    started->ends = ends[0];
    ends[0] = -1;
  }
  close_ends(ends);
  close_ends(report);
  return result;
}

int clinux_collect(int child, int *status) {
  while (waitpid(child, status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return 0;
}

int clinux_signal_descriptor(int process_descriptor, int number) {
  return (int)syscall(SYS_pidfd_send_signal, process_descriptor, number, NULL, 0);
}

// By a process that is that user, whom the kernel lets kill its own only.
int clinux_kill_all(uint32_t user) {
  pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
  if (child < 0) return -1;
  if (child == 0) {
    if (syscall(SYS_setresuid, user, user, user) != 0) _exit(1);
    kill(-1, SIGKILL);
    _exit(0);
  }
  // Those it kills could stop it first.
  struct pollfd end = {.fd = clinux_process_descriptor(child), .events = POLLIN};
  if (end.fd < 0 || poll(&end, 1, 1000) != 1) kill(child, SIGKILL);
  if (end.fd >= 0) close(end.fd);
  int status;
  if (clinux_collect(child, &status) != 0) return -1;
  if (status == 0) return 0;
  errno = EPERM;
  return -1;
}

int clinux_open_strictly(int directory, const char *path, int flags, int is_beneath) {
  struct open_how how = {
      .flags = (uint64_t)(flags | O_CLOEXEC),
      .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
  };
  if (is_beneath) how.resolve |= RESOLVE_BENEATH | RESOLVE_NO_XDEV;
  return (int)syscall(SYS_openat2, directory, path, &how, sizeof how);
}

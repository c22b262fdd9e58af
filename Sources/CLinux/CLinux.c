#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "CLinux.h"

#include <gnu/libc-version.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

int clinux_openat(int directory, const char *path, int flags, unsigned int mode) {
  return openat(directory, path, flags, (mode_t)mode);
}

unsigned int clinux_current_core(void) {
  int core = sched_getcpu();
  return core < 0 ? 0 : (unsigned int)core;
}

int clinux_o_direct(void) { return O_DIRECT; }

int clinux_o_path(void) { return O_PATH; }

int clinux_at_empty_path(void) { return AT_EMPTY_PATH; }

int clinux_pipe(int *ends) { return pipe2(ends, O_CLOEXEC); }

int64_t clinux_tee(int from, int to, size_t byte_count) {
  return tee(from, to, byte_count, SPLICE_F_NONBLOCK);
}

int clinux_clear_direct(int file) {
  int flags = fcntl(file, F_GETFL);
  if (flags < 0) return -1;
  return fcntl(file, F_SETFL, flags & ~O_DIRECT);
}

int clinux_fallocate(int file, int64_t offset, int64_t byte_count) {
  return fallocate(file, 0, offset, byte_count);
}

int clinux_punch_hole(int file, int64_t offset, int64_t byte_count) {
  return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, byte_count);
}

int clinux_begin_writeback(int file, int64_t offset, int64_t byte_count) {
  return sync_file_range(file, offset, byte_count, SYNC_FILE_RANGE_WRITE);
}

void clinux_begin_reading(int file, int64_t offset, int64_t byte_count) {
  posix_fadvise(file, offset, byte_count, POSIX_FADV_WILLNEED);
}

int clinux_advise_random(int file) {
  int code = posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM);
  if (code == 0) return 0;
  errno = code;
  return -1;
}

int clinux_lock(int file, int exclusively) {
  struct flock lock = {.l_type = exclusively ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET};
  return fcntl(file, F_OFD_SETLK, &lock);
}

int64_t clinux_seek_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }

int64_t clinux_seek_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }

int clinux_sync_file_system(int file) { return syncfs(file); }

int clinux_rename_exclusively(
    int source_directory, const char *source, int target_directory, const char *target) {
  return renameat2(source_directory, source, target_directory, target, RENAME_NOREPLACE);
}

ssize_t clinux_lgetxattr(const char *path, const char *name, void *value, size_t byte_count) {
  return lgetxattr(path, name, value, byte_count);
}

int clinux_lsetxattr(const char *path, const char *name, const void *value, size_t byte_count) {
  return lsetxattr(path, name, value, byte_count, 0);
}

ssize_t clinux_llistxattr(const char *path, char *names, size_t byte_count) {
  return llistxattr(path, names, byte_count);
}

ssize_t clinux_fgetxattr(int file, const char *name, void *value, size_t byte_count) {
  return fgetxattr(file, name, value, byte_count);
}

int clinux_fsetxattr(int file, const char *name, const void *value, size_t byte_count) {
  return fsetxattr(file, name, value, byte_count, 0);
}

ssize_t clinux_flistxattr(int file, char *names, size_t byte_count) {
  return flistxattr(file, names, byte_count);
}

int64_t clinux_nanoseconds(int64_t seconds, int64_t nanoseconds) {
  __int128 moment = (__int128)seconds * 1000000000 + nanoseconds;
  if (moment > INT64_MAX) return INT64_MAX;
  return moment < INT64_MIN ? INT64_MIN : (int64_t)moment;
}

static int64_t nanoseconds(struct timespec time) {
  return clinux_nanoseconds(time.tv_sec, time.tv_nsec);
}

// Rounds down, so that times before 1970 keep a nanosecond part from 0 to 999,999,999.
static struct timespec moment(int64_t nanoseconds) {
  int64_t seconds = nanoseconds / 1000000000, rest = nanoseconds % 1000000000;
  if (rest < 0) {
    seconds -= 1;
    rest += 1000000000;
  }
  return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

int clinux_status(int directory, const char *path, struct clinux_status *status) {
  struct stat s;
  if (fstatat(directory, path, &s, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) != 0) return -1;
  *status = (struct clinux_status){
      .device = s.st_dev,
      .inode = s.st_ino,
      .special_device = s.st_rdev,
      .byte_count = (uint64_t)s.st_size,
      .allocated_byte_count = (uint64_t)s.st_blocks * 512,
      .link_count = s.st_nlink,
      .mode = s.st_mode,
      .user = s.st_uid,
      .group = s.st_gid,
      .accessed = nanoseconds(s.st_atim),
      .modified = nanoseconds(s.st_mtim),
      .changed = nanoseconds(s.st_ctim),
  };
  return 0;
}

int clinux_identity(const char *path, uint64_t *device, uint64_t *inode) {
  struct statx s;
  if (statx(AT_FDCWD, path, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_INO, &s) != 0) return -1;
  *device = makedev(s.stx_dev_major, s.stx_dev_minor);
  *inode = s.stx_ino;
  return 0;
}

int clinux_set_times(int directory, const char *path, int64_t accessed, int64_t modified) {
  struct timespec times[2] = {moment(accessed), moment(modified)};
  if (path[0] == '\0') return futimens(directory, times);
  return utimensat(directory, path, times, AT_SYMLINK_NOFOLLOW);
}

uint64_t clinux_make_device(unsigned int major_number, unsigned int minor_number) {
  return makedev(major_number, minor_number);
}

unsigned int clinux_device_major(uint64_t device) { return major(device); }

unsigned int clinux_device_minor(uint64_t device) { return minor(device); }

void clinux_name_thread(const char *name) {
  char cut[16];
  snprintf(cut, sizeof cut, "%s", name);
  pthread_setname_np(pthread_self(), cut);
}

int clinux_set_thread_nice(int nice) { return setpriority(PRIO_PROCESS, (id_t)gettid(), nice); }

uint32_t clinux_thread_number(void) {
  static atomic_uint next = 1;
  static _Thread_local uint32_t number = 0;
  if (number == 0) number = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
  return number;
}

uint64_t clinux_raise_open_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  rlim_t before = limit.rlim_cur;
  limit.rlim_cur = limit.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

void *clinux_map_aligned(size_t byte_count, size_t alignment) {
  size_t mapped = byte_count + alignment;
  char *start = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return NULL;
  char *aligned = (char *)(((uintptr_t)start + alignment - 1) & ~(uintptr_t)(alignment - 1));
  size_t before = (size_t)(aligned - start), after = mapped - before - byte_count;
  if (before > 0) munmap(start, before);
  if (after > 0) munmap(aligned + byte_count, after);
  madvise(aligned, byte_count, MADV_HUGEPAGE);
  return aligned;
}

void clinux_unmap(void *address, size_t byte_count) { munmap(address, byte_count); }

void clinux_error_text(int code, char *buffer, size_t byte_count) {
  char scratch[256];
  snprintf(buffer, byte_count, "%s", strerror_r(code, scratch, sizeof scratch));
}

int clinux_so_peercred(void) { return SO_PEERCRED; }

int clinux_connect_local(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  strcpy(address.sun_path, path);
  int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (file == -1) return -1;
  if (connect(file, (struct sockaddr *)&address, sizeof address) == -1) {
    int code = errno;
    close(file);
    errno = code;
    return -1;
  }
  return file;
}

int clinux_process_descriptor(int process) {
  return (int)syscall(SYS_pidfd_open, process, 0);
}

int clinux_start_detached(
    const char *program, char *const arguments[], int log, int report) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, log, 1);
  posix_spawn_file_actions_adddup2(&actions, log, 2);
  posix_spawn_file_actions_adddup2(&actions, report, 3);
  posix_spawn_file_actions_addclosefrom_np(&actions, 4);
  posix_spawn_file_actions_addchdir_np(&actions, "/");
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
  pid_t process = -1;
  int code = posix_spawn(&process, program, &actions, &attributes, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code == 0) return process;
  errno = code;
  return -1;
}

int clinux_start_program(
    const char *program, char *const arguments[], char *const environment[], int output,
    int errors) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, usual;
  sigemptyset(&none);
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, errors, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  // Threads here may block or ignore signals, which the program would inherit.
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(
      &attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t process = -1;
  int code = posix_spawn(&process, program, &actions, &attributes, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code == 0) return process;
  errno = code;
  return -1;
}

const char *clinux_library_version(void) { return gnu_get_libc_version(); }

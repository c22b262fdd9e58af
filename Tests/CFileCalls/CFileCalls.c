#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "CFileCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

int filecalls_fallocate(int file, int mode, int64_t offset, int64_t byte_count) {
  return fallocate(file, mode, offset, byte_count);
}

int64_t filecalls_copy_range(
    int source, int64_t source_offset, int target, int64_t target_offset, size_t byte_count) {
  off64_t from = source_offset, to = target_offset;
  return copy_file_range(source, &from, target, &to, byte_count, 0);
}

int filecalls_rename(const char *source, const char *target, unsigned int flags) {
  return renameat2(AT_FDCWD, source, AT_FDCWD, target, flags);
}

int filecalls_set_attribute(
    const char *path, const char *name, const void *value, size_t byte_count, int flags) {
  return lsetxattr(path, name, value, byte_count, flags);
}

int64_t filecalls_get_attribute(
    const char *path, const char *name, void *value, size_t byte_count) {
  return lgetxattr(path, name, value, byte_count);
}

int64_t filecalls_list_attributes(const char *path, char *names, size_t byte_count) {
  return llistxattr(path, names, byte_count);
}

int filecalls_remove_attribute(const char *path, const char *name) {
  return lremovexattr(path, name);
}

int64_t filecalls_seek_data(int file, int64_t offset) { return lseek(file, offset, SEEK_DATA); }

int64_t filecalls_seek_hole(int file, int64_t offset) { return lseek(file, offset, SEEK_HOLE); }

int filecalls_open_direct(const char *path, int flags) { return open(path, flags | O_DIRECT, 0600); }

int filecalls_lock(int file, int operation) { return flock(file, operation); }

int filecalls_clone(int source, int target) { return ioctl(target, FICLONE, source); }

int filecalls_make_node(
    const char *path, unsigned int mode, unsigned int major_number, unsigned int minor_number) {
  return mknod(path, mode, makedev(major_number, minor_number));
}

const char *filecalls_error_name(int code) {
  const char *name = strerrorname_np(code);
  return name == NULL ? "no errno" : name;
}

int filecalls_wait_for_end(int process) {
  int file = (int)syscall(SYS_pidfd_open, process, 0);
  if (file < 0) return -1;
  struct pollfd wait = {.fd = file, .events = POLLIN};
  int result = poll(&wait, 1, -1);
  close(file);
  return result;
}

int filecalls_get_handle(const char *path, struct filecalls_handle *handle) {
  int mount;
  handle->byte_count = sizeof handle->bytes;
  return name_to_handle_at(AT_FDCWD, path, (struct file_handle *)handle, &mount, 0);
}

int filecalls_open_handle(const char *mount, const struct filecalls_handle *handle, int flags) {
  int directory = open(mount, O_RDONLY | O_CLOEXEC);
  if (directory < 0) return -1;
  int file = open_by_handle_at(directory, (struct file_handle *)handle, flags | O_CLOEXEC);
  int code = errno;
  close(directory);
  errno = code;
  return file;
}

// The raw calls concern the calling thread only.
static _Thread_local gid_t groups[64];
static _Thread_local int group_count;

int filecalls_act_as(unsigned int user, unsigned int group) {
  group_count = getgroups(64, groups);
  if (group_count < 0 || syscall(SYS_setgroups, 0, NULL) != 0) return -1;
  if (syscall(SYS_setresgid, -1, group, -1) != 0) return -1;
  return (int)syscall(SYS_setresuid, -1, user, -1);
}

int filecalls_act_as_root(void) {
  if (syscall(SYS_setresuid, -1, 0, -1) != 0 || syscall(SYS_setresgid, -1, 0, -1) != 0) return -1;
  return (int)syscall(SYS_setgroups, group_count, groups);
}

struct reading {
  int file;
  size_t byte_count;
  char *bytes;
  atomic_bool ends;
};

static void *read_until_told(void *argument) {
  struct reading *reading = argument;
  while (!atomic_load(&reading->ends)) {
    if (pread(reading->file, reading->bytes, reading->byte_count, 0) < 0) break;
  }
  return NULL;
}

static int write_by_aio(aio_context_t context, int file, char *bytes, size_t byte_count) {
  struct iocb request = {
      .aio_lio_opcode = IOCB_CMD_PWRITE,
      .aio_fildes = (uint32_t)file,
      .aio_buf = (uint64_t)(uintptr_t)bytes,
      .aio_nbytes = byte_count,
  };
  struct iocb *list[] = {&request};
  struct io_event event;
  if (syscall(SYS_io_submit, context, 1, list) != 1) return -1;
  if (syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1) return -1;
  return event.res == (int64_t)byte_count ? 0 : -1;
}

int filecalls_count_stale_reads(const char *path, size_t byte_count, int round_count) {
  int direct = open(path, O_RDWR | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
  int buffered = open(path, O_RDONLY | O_CLOEXEC);
  char *source = aligned_alloc(4096, byte_count), *found = malloc(byte_count);
  struct reading reading = {buffered, byte_count, malloc(byte_count), false};
  aio_context_t context = 0;
  pthread_t reader;
  int stale = -1;
  if (direct >= 0 && buffered >= 0 && syscall(SYS_io_setup, 1, &context) == 0 &&
      pthread_create(&reader, NULL, read_until_told, &reading) == 0) {
    stale = 0;
    for (int round = 1; round <= round_count && stale >= 0; round++) {
      memset(source, round, byte_count);
      if (write_by_aio(context, direct, source, byte_count) != 0 ||
          pread(buffered, found, byte_count, 0) != (ssize_t)byte_count) {
        stale = -1;
      } else if (memcmp(source, found, byte_count) != 0) {
        stale++;
      }
    }
    atomic_store(&reading.ends, true);
    pthread_join(reader, NULL);
    syscall(SYS_io_destroy, context);
  }
  free(source);
  free(found);
  free(reading.bytes);
  close(direct);
  close(buffered);
  return stale;
}

unsigned int filecalls_mode(const char *path) {
  struct statx status;
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_MODE, &status) != 0) return 0;
  return status.stx_mode;
}

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include "CFileCalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdio.h>
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

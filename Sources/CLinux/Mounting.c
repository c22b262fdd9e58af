#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

extern char **environ;

int clinux_open_fuse(void) { return open("/dev/fuse", O_RDWR | O_CLOEXEC); }

int clinux_clone_fuse(int device) {
  int clone = clinux_open_fuse();
  if (clone < 0) return -1;
  uint32_t source = (uint32_t)device;
  if (ioctl(clone, FUSE_DEV_IOC_CLONE, &source) == 0) return clone;
  int code = errno;
  close(clone);
  errno = code;
  return -1;
}

int clinux_mount_fuse(const char *source, const char *directory, const char *options) {
  return mount(source, directory, "fuse.coppice", MS_NOSUID | MS_NODEV, options);
}

// Runs `fusermount3` to its end; its messages go to /dev/null, the exit status tells.
static int run_helper(char *const arguments[], int socket) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  char setting[32] = "";
  char *environment[256];
  size_t count = 0;
  for (; environ[count] != NULL && count < 254; count++) environment[count] = environ[count];
  if (socket >= 0) {
    // The end that the program gets must live through exec: a copy with the same number does.
    posix_spawn_file_actions_adddup2(&actions, socket, socket);
    snprintf(setting, sizeof setting, "_FUSE_COMMFD=%d", socket);
    environment[count++] = setting;
  }
  environment[count] = NULL;
  pid_t child;
  int code = posix_spawnp(&child, arguments[0], &actions, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    errno = code;
    return -1;
  }
  int status;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 0;
  errno = WIFEXITED(status) && WEXITSTATUS(status) == 127 ? ENOENT : EPERM;
  return -1;
}

static int receive_descriptor(int socket) {
  char byte;
  struct iovec part = {.iov_base = &byte, .iov_len = 1};
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.space,
      .msg_controllen = sizeof control.space,
  };
  ssize_t count;
  do {
    count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  } while (count < 0 && errno == EINTR);
  struct cmsghdr *header = count > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
    if (count >= 0) errno = EPERM;
    return -1;
  }
  int file;
  memcpy(&file, CMSG_DATA(header), sizeof file);
  return file;
}

int clinux_mount_fuse_by_helper(const char *directory, const char *options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return -1;
  char *arguments[] = {"fusermount3", "-o", (char *)options, "--", (char *)directory, NULL};
  int device = run_helper(arguments, ends[1]);
  int code = errno;
  close(ends[1]);
  if (device == 0) {
    device = receive_descriptor(ends[0]);
    code = errno;
  }
  close(ends[0]);
  errno = code;
  return device;
}

int clinux_unmount_by_helper(const char *directory, int lazily) {
  char *arguments[] = {"fusermount3", "-u", "-q", lazily ? "-z" : "-q", "--", (char *)directory,
                       NULL};
  return run_helper(arguments, -1);
}

int clinux_unmount(const char *directory) { return umount2(directory, UMOUNT_NOFOLLOW); }

int clinux_detach(const char *directory) {
  return umount2(directory, MNT_DETACH | UMOUNT_NOFOLLOW);
}

int clinux_abort_and_detach(const char *directory) {
  return umount2(directory, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
}

int clinux_read_space(const char *path, struct clinux_space *space) {
  struct statvfs s;
  if (statvfs(path, &s) != 0) return -1;
  *space = (struct clinux_space){
      .byte_count = (uint64_t)s.f_blocks * s.f_frsize,
      .free_byte_count = (uint64_t)s.f_bfree * s.f_frsize,
      .available_byte_count = (uint64_t)s.f_bavail * s.f_frsize,
  };
  return 0;
}

// The kernel's file system for controlling FUSE connections, mounted nowhere.
static int open_fuse_control(void) {
  int context = (int)syscall(SYS_fsopen, "fusectl", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  int root = -1;
  if (syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
    root = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
  int code = errno;
  close(context);
  errno = code;
  return root;
}

int clinux_abort_fuse(unsigned int number) {
  char name[64];
  snprintf(name, sizeof name, "/sys/fs/fuse/connections/%u/abort", number);
  int file = open(name, O_WRONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    int root = open_fuse_control();
    if (root < 0) return -1;
    snprintf(name, sizeof name, "%u/abort", number);
    file = openat(root, name, O_WRONLY | O_CLOEXEC);
    int code = errno;
    close(root);
    errno = code;
  }
  if (file < 0) return -1;
  int result = write(file, "1", 1) == 1 ? 0 : -1;
  int code = errno;
  close(file);
  errno = code;
  return result;
}

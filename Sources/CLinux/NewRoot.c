#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "Launching.h"

// Where the new root is put before it becomes the root: any directory that every machine has. It is
// covered in this namespace only, and gone with the old root.
static const char *const workplace = "/usr";

int clinux_clone_tree(int directory, const char *path, uint32_t attributes) {
  unsigned int flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (path[0] == '\0' ? AT_EMPTY_PATH : 0);
  int tree = (int)syscall(SYS_open_tree, directory, path, flags);
  if (tree < 0) return -1;
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID, .propagation = MS_PRIVATE};
  if (attributes & clinux_tree_read_only) attr.attr_set |= MOUNT_ATTR_RDONLY;
  if (attributes & clinux_tree_no_devices) attr.attr_set |= MOUNT_ATTR_NODEV;
  if (attributes & clinux_tree_no_programs) attr.attr_set |= MOUNT_ATTR_NOEXEC;
  if (syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof attr) == 0) return tree;
  int code = errno;
  close(tree);
  errno = code;
  return -1;
}

static int write_file(const char *path, const char *text) {
  int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
  if (file < 0) return -1;
  size_t byte_count = strlen(text);
  ssize_t written = write(file, text, byte_count);
  if (written >= 0 && (size_t)written != byte_count) errno = ENOSPC;
  int result = written == (ssize_t)byte_count ? 0 : -1, code = errno;
  close(file);
  errno = code;
  return result;
}

// A directory may be there already, as the parent of several items.
static int make_directory(const char *path) {
  return mkdir(path, 0755) == 0 || errno == EEXIST ? 0 : -1;
}

static int make_place(const char *path, int tree) {
  struct stat status;
  if (fstat(tree, &status) != 0) return -1;
  return S_ISDIR(status.st_mode) ? make_directory(path) : write_file(path, "");
}

static int make_item(const struct clinux_root_item *item) {
  const unsigned long guarded = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  const char *path = item->path;
  switch (item->kind) {
  case clinux_root_directory: return make_directory(path);
  case clinux_root_link: return symlink(item->text, path);
  case clinux_root_file: return write_file(path, item->text);
  case clinux_root_tree:
    if (make_place(path, item->tree) != 0) return -1;
    return (int)syscall(
        SYS_move_mount, item->tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
  case clinux_root_temporary:
    if (make_directory(path) != 0) return -1;
    return mount("tmpfs", path, "tmpfs", guarded, item->text);
  case clinux_root_processes:
    if (make_directory(path) != 0) return -1;
    // Processes only, and of them only those that one may trace; none of the kernel's settings.
    return mount("proc", path, "proc", guarded, "hidepid=2,subset=pid");
  default: errno = EINVAL; return -1;
  }
}

int clinux_enter_root(const struct clinux_start *start, uint32_t *step, uint32_t *item) {
  *step = clinux_step_root;
  // What is mounted here shows nowhere else, and nothing that is mounted elsewhere shows here.
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return -1;
  if (mount("tmpfs", workplace, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=755,size=1m") != 0)
    return -1;
  if (chdir(workplace) != 0) return -1;
  umask(022);
  *step = clinux_step_item;
  for (*item = 0; *item < start->item_count; *item += 1) {
    if (make_item(&start->items[*item]) != 0) return -1;
  }
  *step = clinux_step_pivot;
  // The old root comes to lie on the new one, and goes.
  if (syscall(SYS_pivot_root, ".", ".") != 0) return -1;
  if (umount2(".", MNT_DETACH) != 0 || chdir("/") != 0) return -1;
  struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
  return (int)syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof attr);
}

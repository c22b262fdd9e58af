// Linux calls that tests of mounts make, for which Swift's Glibc overlay has no names. Each returns
// what the call returns, -1 with errno set on failure.
#ifndef CFILECALLS_H
#define CFILECALLS_H

#include <stddef.h>
#include <stdint.h>

int filecalls_fallocate(int file, int mode, int64_t offset, int64_t byte_count);
int64_t filecalls_copy_range(
    int source, int64_t source_offset, int target, int64_t target_offset, size_t byte_count);
int filecalls_rename(const char *source, const char *target, unsigned int flags);
int filecalls_set_attribute(
    const char *path, const char *name, const void *value, size_t byte_count, int flags);
int64_t filecalls_get_attribute(
    const char *path, const char *name, void *value, size_t byte_count);
int64_t filecalls_list_attributes(const char *path, char *names, size_t byte_count);
int filecalls_remove_attribute(const char *path, const char *name);
int64_t filecalls_seek_data(int file, int64_t offset);
int64_t filecalls_seek_hole(int file, int64_t offset);
// Opens with O_DIRECT besides `flags`.
int filecalls_open_direct(const char *path, int flags);
int filecalls_lock(int file, int operation);
int filecalls_clone(int source, int target);
int filecalls_make_node(const char *path, unsigned int mode, unsigned int major, unsigned int minor);

// A file's handle, by which it is opened without its name.
struct filecalls_handle {
  unsigned int byte_count;
  int kind;
  unsigned char bytes[128];
};
int filecalls_get_handle(const char *path, struct filecalls_handle *handle);
// Opens a file of the file system that holds `mount` by its handle.
int filecalls_open_handle(const char *mount, const struct filecalls_handle *handle, int flags);

// Makes the calling thread, and no other one, act as that user and group, without further groups.
int filecalls_act_as(unsigned int user, unsigned int group);
// The calling thread is root's again.
int filecalls_act_as_root(void);

// Writes a file again and again by O_DIRECT and io_submit, while a thread reads it buffered. Returns how many
// of the writes a buffered read that begins later does not see, -1 for a call that failed.
int filecalls_count_stale_reads(const char *path, size_t byte_count, int round_count);

// The name of an errno, as ENOENT.
const char *filecalls_error_name(int code);

// Waits until a process that need not be a child has ended.
int filecalls_wait_for_end(int process);

// Asks for the mode alone, as `stat -c %a` does: of the rest nothing is looked at. 0 when it fails.
unsigned int filecalls_mode(const char *path);

#endif

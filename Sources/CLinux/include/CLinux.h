// Plain prototypes for the Linux calls that Swift's Glibc overlay does not import: variadic ones,
// those behind _GNU_SOURCE and those with headers outside the overlay. Every function returns what
// the call returns, -1 with errno set on failure, unless it says otherwise.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

// MARK: Files

// The number of the core that runs the calling thread.
unsigned int clinux_current_core(void);

int clinux_openat(int directory, const char *path, int flags, unsigned int mode);
// The value of O_DIRECT on this machine.
int clinux_o_direct(void);
// The value of O_PATH on this machine.
int clinux_o_path(void);
// The value of AT_EMPTY_PATH on this machine.
int clinux_at_empty_path(void);
// Makes a pipe that programs started later do not inherit.
int clinux_pipe(int *ends);
// Clears O_DIRECT of an open file.
int clinux_clear_direct(int file);
int clinux_fallocate(int file, int64_t offset, int64_t byte_count);
// Frees the blocks of a range; the file keeps its byte count.
int clinux_punch_hole(int file, int64_t offset, int64_t byte_count);
// Begins writing dirty pages of the range to the device; waits for nothing.
int clinux_begin_writeback(int file, int64_t offset, int64_t byte_count);
// Begins reading the range into the kernel's cache; waits for nothing.
void clinux_begin_reading(int file, int64_t offset, int64_t byte_count);
int clinux_advise_random(int file);
// Takes an open-file-description lock on the whole file without waiting.
int clinux_lock(int file, int exclusively);
int64_t clinux_seek_data(int file, int64_t offset);
int64_t clinux_seek_hole(int file, int64_t offset);
// Makes everything written to the file system that holds `file` durable.
int clinux_sync_file_system(int file);
// Replaces `target` only where nothing has that name.
int clinux_rename_exclusively(
    int source_directory, const char *source, int target_directory, const char *target);

// MARK: Attributes of files

ssize_t clinux_lgetxattr(const char *path, const char *name, void *value, size_t byte_count);
int clinux_lsetxattr(const char *path, const char *name, const void *value, size_t byte_count);
ssize_t clinux_llistxattr(const char *path, char *names, size_t byte_count);
ssize_t clinux_fgetxattr(int file, const char *name, void *value, size_t byte_count);
int clinux_fsetxattr(int file, const char *name, const void *value, size_t byte_count);
ssize_t clinux_flistxattr(int file, char *names, size_t byte_count);

struct clinux_status {
  uint64_t device, inode, special_device, byte_count, allocated_byte_count, link_count;
  uint32_t mode, user, group;
  int64_t accessed, modified, changed;  // nanoseconds since 1970
};
// With an empty path the status of `directory` itself; symbolic links are not followed.
int clinux_status(int directory, const char *path, struct clinux_status *status);
// What the kernel knows of the place that `path`, behind symbolic links, leads to: its file system is
// not asked.
int clinux_identity(const char *path, uint64_t *device, uint64_t *inode);
// Nanoseconds since 1970 of a timespec; a moment that they cannot tell becomes the nearest one.
int64_t clinux_nanoseconds(int64_t seconds, int64_t nanoseconds);

// Sets both times in nanoseconds since 1970; symbolic links are not followed.
int clinux_set_times(int directory, const char *path, int64_t accessed, int64_t modified);
uint64_t clinux_make_device(unsigned int major, unsigned int minor);
unsigned int clinux_device_major(uint64_t device);
unsigned int clinux_device_minor(uint64_t device);

// MARK: Mounting

// Opens the kernel's FUSE device.
int clinux_open_fuse(void);
// Opens one more descriptor of the connection behind `device`, with a queue of its own.
int clinux_clone_fuse(int device);
// Mounts `device` on a directory; needs the right to mount.
int clinux_mount_fuse(const char *source, const char *directory, const char *options);
// Has `fusermount3` mount on a directory and sends its device here. Returns the device, or -1 with
// errno ENOENT when there is no such program, EPERM when it refused.
int clinux_mount_fuse_by_helper(const char *directory, const char *options);
// Has `fusermount3` unmount a directory, at once or when it is used no more.
int clinux_unmount_by_helper(const char *directory, int lazily);
int clinux_unmount(const char *directory);
// Takes the mount out of the tree, whoever uses it.
int clinux_detach(const char *directory);
// Ends all requests to the mount's server, and takes it out of the tree.
int clinux_abort_and_detach(const char *directory);

// Ends the FUSE connection of that number (the minor device number of its mounts), wherever it is
// mounted. Needs root, or the kernel's control file system on /sys/fs/fuse/connections.
int clinux_abort_fuse(unsigned int number);

struct clinux_space {
  uint64_t byte_count, free_byte_count, available_byte_count;
};
// The space of the file system that holds `path`.
int clinux_read_space(const char *path, struct clinux_space *space);

// An io_uring for one command of FUSE at a time, used by the one thread that enables it.
struct clinux_fuse_ring;
// Returns NULL with errno when the kernel has none for this process.
struct clinux_fuse_ring *clinux_open_fuse_ring(void);
int clinux_enable_fuse_ring(struct clinux_fuse_ring *ring);
void clinux_close_fuse_ring(struct clinux_fuse_ring *ring);
// Submits a command for the connection behind `device` and waits until it is done: until there is a
// request. `buffers` are two (header and payload) for registering, NULL otherwise. Returns 0, or -1
// with errno.
int clinux_run_fuse_command(
    struct clinux_fuse_ring *ring, int device, uint32_t operation, const struct iovec *buffers,
    uint64_t commit, uint16_t queue);

// MARK: Sockets

// Who connected a local socket; the same bytes as the kernel's `struct ucred`.
struct clinux_peer {
  int32_t process;
  uint32_t user, group;
};
// The value of SO_PEERCRED on this machine.
int clinux_so_peercred(void);
// Connects to a local stream socket; returns the descriptor.
int clinux_connect_local(const char *path);

// MARK: Threads, limits, texts

// Names the calling thread; longer names are cut to 15 bytes.
void clinux_name_thread(const char *name);
// Keeps the calling thread on one core.
int clinux_pin_thread(unsigned int core);
// Sets the nice value of the calling thread alone.
int clinux_set_thread_nice(int nice);
// A small number that stays the same for a thread and differs between threads.
uint32_t clinux_thread_number(void);
// Raises the soft limit of open files to the hard one; returns the limit that now holds.
uint64_t clinux_raise_open_file_limit(void);
// Maps `byte_count` bytes aligned to `alignment` (a power of two, at least 4096) and asks for huge
// pages; NULL when there is no memory.
void *clinux_map_aligned(size_t byte_count, size_t alignment);
void clinux_unmap(void *address, size_t byte_count);
// Starts a program in a session of its own and in the top directory, with output and errors going to
// `log` and `report` as descriptor 3; it gets no other descriptor. Returns its process number.
int clinux_start_detached(
    const char *program, char *const arguments[], int log, int report);
// Starts a program with these variables, without input, with output and errors going to `output`; it
// gets no other descriptor. Returns its process number.
int clinux_start_program(
    const char *program, char *const arguments[], char *const environment[], int output);
// A descriptor of a process that can be waited for with poll.
int clinux_process_descriptor(int process);
void clinux_error_text(int code, char *buffer, size_t byte_count);

#endif

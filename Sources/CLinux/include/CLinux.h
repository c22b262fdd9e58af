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
// Copies what a pipe has into another one, where it stays; never waits.
int64_t clinux_tee(int from, int to, size_t byte_count);
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

// MARK: Messages between processes

// Makes a pair of sockets that keep messages whole, for a process that this one starts.
int clinux_message_pair(int *ends);
// Whether the descriptor is such a socket.
int clinux_is_message_socket(int file);
// Sends one message with copies of up to `clinux_descriptor_count_max` descriptors.
int clinux_send_message(
    int socket, const void *bytes, size_t byte_count, const int *files, size_t file_count);
// Receives one message; its descriptors are new ones that no program started later gets. Returns
// its byte count, 0 when nobody is left who could send, -1 with errno EMSGSIZE when it does not fit.
ssize_t clinux_receive_message(
    int socket, void *bytes, size_t byte_count, int *files, size_t *file_count);
enum { clinux_descriptor_count_max = 4 };

// MARK: Starting programs

// Opens without following any symbolic link, and without leaving `directory` or its file system
// where `is_beneath` is set.
int clinux_open_strictly(int directory, const char *path, int flags, int is_beneath);

enum { clinux_tree_read_only = 1, clinux_tree_no_devices = 2, clinux_tree_no_programs = 4 };
// A mount of its own, nowhere yet, of what the path, or `directory` for an empty one, leads to; of
// mounts below it there is nothing. Programs gain no rights by files in it.
int clinux_clone_tree(int directory, const char *path, uint32_t attributes);

enum {
  clinux_root_directory,
  clinux_root_link,       // symbolic link to `text`
  clinux_root_file,       // with the content `text`, read-only
  clinux_root_tree,       // file or directory: what `clinux_clone_tree` returned
  clinux_root_temporary,  // tmpfs with the options `text`
  clinux_root_processes,  // the processes of the namespace
};
// What stands in a root directory made anew. `path` has no slash in front; what is above it stands
// in an item before.
struct clinux_root_item {
  uint32_t kind;
  int tree;
  const char *path, *text;
};

struct clinux_start {
  const char *program;
  char *const *arguments;
  char *const *environment;
  // The program's standard output and error.
  int log;
  // The program's root: then mount, process, network, IPC and host name namespaces are its own.
  // NULL: it shares everything.
  const struct clinux_root_item *items;
  size_t item_count;
  // Whether it becomes another user, and loses all capabilities and what the filter refuses.
  int has_identity;
  uint32_t user, group;
  int has_score;
  int score;  // for the kernel, when memory is short
  // 0: as they are.
  uint64_t open_file_max, process_max;
  // Everything but the program: the child ends by itself.
  int is_trial;
};

// What failed.
enum {
  clinux_step_none, clinux_step_process, clinux_step_namespaces, clinux_step_root,
  clinux_step_item, clinux_step_pivot, clinux_step_loopback, clinux_step_score,
  clinux_step_limits, clinux_step_capabilities, clinux_step_user, clinux_step_filter,
  clinux_step_session, clinux_step_streams, clinux_step_program,
};
struct clinux_start_failure {
  uint32_t step, item;  // of `clinux_step_item` the index of the item
  int32_t code;
};

struct clinux_started {
  int process;     // the program's number
  int child;       // ends after the program and all that it started, where it has a root of its own
  int descriptor;  // of the child, for poll and signals
  int ends;        // a pipe with the program's wait status, where it has a root of its own
};

// Starts a program that is killed when the calling thread ends, and returns once it is executed.
// The caller has one thread.
int clinux_start(
    const struct clinux_start *start, struct clinux_started *started,
    struct clinux_start_failure *failure);
// The wait status of a child that has ended, which is then forgotten; waits for its end.
int clinux_collect(int child, int *status);
int clinux_signal_descriptor(int process_descriptor, int number);
// Kills all processes of a user, who is not this one's.
int clinux_kill_all(uint32_t user);

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
// Starts a program in a session of its own with these variables, without input; it gets no other
// descriptor than its output and errors. Returns its process number.
int clinux_start_program(
    const char *program, char *const arguments[], char *const environment[], int output,
    int errors);
// The version of the C library, which orders texts.
const char *clinux_library_version(void);
// A descriptor of a process that can be waited for with poll.
int clinux_process_descriptor(int process);
void clinux_error_text(int code, char *buffer, size_t byte_count);

#endif

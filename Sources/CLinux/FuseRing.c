#define _GNU_SOURCE
#include <errno.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "CLinux.h"

// FUSE's commands take entries of twice the usual length.
enum { entry_byte_count = 128 };

struct clinux_fuse_ring {
  int descriptor;
  unsigned char *queues;
  size_t queues_byte_count;
  struct io_uring_sqe *entry;
  struct io_uring_cqe *results;
  uint32_t result_mask;
  _Atomic uint32_t *entry_tail;
  _Atomic uint32_t *result_head;
  _Atomic uint32_t *result_tail;
};

struct clinux_fuse_ring *clinux_open_fuse_ring(void) {
  struct clinux_fuse_ring *ring = calloc(1, sizeof *ring);
  if (ring == NULL) return NULL;
  // The kernel's part of the work is done by the one thread that uses the ring, while it waits.
  struct io_uring_params terms = {
      .flags = IORING_SETUP_SQE128 | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
               IORING_SETUP_R_DISABLED};
  ring->descriptor = (int)syscall(SYS_io_uring_setup, 1, &terms);
  if (ring->descriptor < 0) {
    free(ring);
    return NULL;
  }
  size_t entries_end = terms.sq_off.array + terms.sq_entries * sizeof(uint32_t);
  size_t results_end = terms.cq_off.cqes + terms.cq_entries * sizeof(struct io_uring_cqe);
  ring->queues_byte_count = entries_end > results_end ? entries_end : results_end;
  int protection = PROT_READ | PROT_WRITE;
  ring->queues = mmap(
      NULL, ring->queues_byte_count, protection, MAP_SHARED, ring->descriptor, IORING_OFF_SQ_RING);
  ring->entry = mmap(
      NULL, entry_byte_count, protection, MAP_SHARED, ring->descriptor, IORING_OFF_SQES);
  if (ring->queues == MAP_FAILED || ring->entry == MAP_FAILED) {
    int code = errno;
    clinux_close_fuse_ring(ring);
    errno = code;
    return NULL;
  }
  ring->results = (struct io_uring_cqe *)(ring->queues + terms.cq_off.cqes);
  ring->result_mask = *(uint32_t *)(ring->queues + terms.cq_off.ring_mask);
  ring->entry_tail = (_Atomic uint32_t *)(ring->queues + terms.sq_off.tail);
  ring->result_head = (_Atomic uint32_t *)(ring->queues + terms.cq_off.head);
  ring->result_tail = (_Atomic uint32_t *)(ring->queues + terms.cq_off.tail);
  // The one entry that there is.
  *(uint32_t *)(ring->queues + terms.sq_off.array) = 0;
  return ring;
}

int clinux_enable_fuse_ring(struct clinux_fuse_ring *ring) {
  return (int)syscall(
      SYS_io_uring_register, ring->descriptor, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
}

void clinux_close_fuse_ring(struct clinux_fuse_ring *ring) {
  if (ring->entry != MAP_FAILED) munmap(ring->entry, entry_byte_count);
  if (ring->queues != MAP_FAILED) munmap(ring->queues, ring->queues_byte_count);
  close(ring->descriptor);
  free(ring);
}

// What FUSE reads behind the usual entry: `struct fuse_uring_cmd_req` of Linux 6.14.
struct command {
  uint64_t flags;
  uint64_t commit;
  uint16_t queue;
  uint8_t padding[6];
};

int clinux_run_fuse_command(
    struct clinux_fuse_ring *ring, int device, uint32_t operation, const struct iovec *buffers,
    uint64_t commit, uint16_t queue) {
  memset(ring->entry, 0, entry_byte_count);
  ring->entry->opcode = IORING_OP_URING_CMD;
  ring->entry->fd = device;
  ring->entry->cmd_op = operation;
  ring->entry->addr = (uint64_t)(uintptr_t)buffers;
  ring->entry->len = buffers == NULL ? 0 : 2;
  struct command command = {.commit = commit, .queue = queue};
  memcpy((char *)ring->entry + offsetof(struct io_uring_sqe, addr3), &command, sizeof command);
  atomic_fetch_add_explicit(ring->entry_tail, 1, memory_order_release);

  unsigned int count = 1;
  uint32_t head = atomic_load_explicit(ring->result_head, memory_order_relaxed);
  while (head == atomic_load_explicit(ring->result_tail, memory_order_acquire)) {
    long taken = syscall(
        SYS_io_uring_enter, ring->descriptor, count, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    if (taken >= 0) {
      count -= (unsigned int)taken;
    } else if (errno != EINTR && errno != EAGAIN) {
      return -1;
    }
  }
  int result = ring->results[head & ring->result_mask].res;
  atomic_store_explicit(ring->result_head, head + 1, memory_order_release);
  if (result >= 0) return 0;
  errno = -result;
  return -1;
}

int clinux_pin_thread(unsigned int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  return sched_setaffinity(0, sizeof cores, &cores);
}

#define _GNU_SOURCE
#define _FILE_OFFSET_BITS 64
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "CLinux.h"

int clinux_message_pair(int *ends) {
  return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

int clinux_is_message_socket(int file) {
  int domain = 0, type = 0;
  socklen_t byte_count = sizeof domain;
  if (getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &byte_count) != 0) return 0;
  if (getsockopt(file, SOL_SOCKET, SO_TYPE, &type, &byte_count) != 0) return 0;
  return domain == AF_UNIX && type == SOCK_SEQPACKET;
}

union control {
  struct cmsghdr header;
  char space[CMSG_SPACE(clinux_descriptor_count_max * sizeof(int))];
};

int clinux_send_message(
    int socket, const void *bytes, size_t byte_count, const int *files, size_t file_count) {
  struct iovec part = {.iov_base = (void *)bytes, .iov_len = byte_count};
  union control control = {.space = {0}};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
  if (file_count > clinux_descriptor_count_max) {
    errno = EINVAL;
    return -1;
  }
  if (file_count > 0) {
    message.msg_control = control.space;
    message.msg_controllen = CMSG_SPACE(file_count * sizeof(int));
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(file_count * sizeof(int));
    memcpy(CMSG_DATA(header), files, file_count * sizeof(int));
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

ssize_t clinux_receive_message(
    int socket, void *bytes, size_t byte_count, int *files, size_t *file_count) {
  struct iovec part = {.iov_base = bytes, .iov_len = byte_count};
  union control control;
  struct msghdr message = {
      .msg_iov = &part,
      .msg_iovlen = 1,
      .msg_control = control.space,
      .msg_controllen = sizeof control.space,
  };
  *file_count = 0;
  ssize_t count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (count < 0) return -1;
  struct cmsghdr *header = CMSG_FIRSTHDR(&message);
  if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
    *file_count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(files, CMSG_DATA(header), *file_count * sizeof(int));
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0) return count;
  while (*file_count > 0) close(files[--*file_count]);
  errno = EMSGSIZE;
  return -1;
}

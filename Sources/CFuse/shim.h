// The kernel's own description of the FUSE protocol: structures and numbers, no library.
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <linux/xattr.h>

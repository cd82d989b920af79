/* Preloaded into the agent: a log of what it writes below a folder, and a disk that fails there.

   cc -shared -fPIC -O2 -o shim.so shim.c

   $DISK_FOLDER  the folder
   $DISK_LOG     a record for each write, truncation, sync, removal and renaming, in their order
   $DISK_FAULT   while this file holds `sync`, syncs fail with EIO; `write`: writes fail, too
   $DISK_SYNC_US microseconds that a sync takes besides */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

struct head {
  uint32_t operation, path_bytes;
  uint64_t offset, data_bytes;
};

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;
static const char *folder, *fault;
static int log_fd = -1;
static useconds_t sync_us;

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("DISK_LOG");
  folder = getenv("DISK_FOLDER");
  fault = getenv("DISK_FAULT");
  if (getenv("DISK_SYNC_US")) sync_us = (useconds_t)atoi(getenv("DISK_SYNC_US"));
  if (path) log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
  size_t length = folder ? strlen(folder) : 0;
  return length && strncmp(path, folder, length) == 0;
}

/* Whether the descriptor is of a file below the folder; its path. */
static int of_folder(int fd, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return inside(path);
}

static int fails(const char *kind) {
  char text[8] = "";
  int fd = fault ? open(fault, O_RDONLY | O_CLOEXEC) : -1;
  if (fd < 0) return 0;
  ssize_t length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0 || (strncmp(text, kind, 4) && strncmp(text, "write", 5))) return 0;
  errno = EIO;
  return 1;
}

static void note(char operation, const char *path, uint64_t offset, const void *data, size_t size) {
  struct head head = {(uint32_t)operation, (uint32_t)strlen(path), offset, size};
  struct iovec parts[] = {
      {&head, sizeof head}, {(void *)path, head.path_bytes}, {(void *)data, size}};
  if (log_fd >= 0 && writev(log_fd, parts, 3) < 0) abort();
}

typedef ssize_t (*write_at)(int, const void *, size_t, off64_t);
typedef ssize_t (*write_on)(int, const void *, size_t);

/* `offset` below 0: where the descriptor stands. */
static ssize_t put(int fd, const void *data, size_t size, off64_t offset) {
  char path[PATH_MAX];
  int ours = of_folder(fd, path);
  if (ours && fails("write")) return -1;
  if (ours) pthread_mutex_lock(&order);
  ssize_t done = offset < 0 ? NEXT("write", write_on)(fd, data, size)
                            : NEXT("pwrite64", write_at)(fd, data, size, offset);
  if (ours && done > 0) {
    off64_t at = offset < 0 ? lseek64(fd, 0, SEEK_CUR) - done : offset;
    note('W', path, (uint64_t)at, data, (size_t)done);
  }
  if (ours) pthread_mutex_unlock(&order);
  return done;
}

ssize_t write(int fd, const void *data, size_t size) { return put(fd, data, size, -1); }
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return put(fd, data, size, at); }
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return put(fd, data, size, at); }

int ftruncate64(int fd, off64_t size) {
  char path[PATH_MAX];
  int ours = of_folder(fd, path);
  if (ours && fails("write")) return -1;
  pthread_mutex_lock(&order);
  int done = NEXT("ftruncate64", int (*)(int, off64_t))(fd, size);
  if (ours && done == 0) note('T', path, (uint64_t)size, "", 0);
  pthread_mutex_unlock(&order);
  return done;
}

int ftruncate(int fd, off_t size) { return ftruncate64(fd, size); }

static int sync_by(const char *name, int fd) {
  char path[PATH_MAX];
  int ours = of_folder(fd, path);
  if (ours && fails("sync")) return -1;
  if (ours) usleep(sync_us);
  pthread_mutex_lock(&order);
  int done = NEXT(name, int (*)(int))(fd);
  if (ours && done == 0) note('S', path, 0, "", 0);
  pthread_mutex_unlock(&order);
  return done;
}

int fsync(int fd) { return sync_by("fsync", fd); }
int fdatasync(int fd) { return sync_by("fdatasync", fd); }

int unlink(const char *path) {
  pthread_mutex_lock(&order);
  int done = NEXT("unlink", int (*)(const char *))(path);
  if (inside(path) && done == 0) note('U', path, 0, "", 0);
  pthread_mutex_unlock(&order);
  return done;
}

int rename(const char *from, const char *to) {
  pthread_mutex_lock(&order);
  int done = NEXT("rename", int (*)(const char *, const char *))(from, to);
  if (inside(from) && done == 0) note('R', from, 0, to, strlen(to));
  pthread_mutex_unlock(&order);
  return done;
}

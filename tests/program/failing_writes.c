// A disk that fails, for the program under test: LD_PRELOAD this, and one of its calls that write
// fails.
//
//   MOESIM_FAIL_UNDER       a folder that is there already; only what is below it counts
//   MOESIM_FAIL_AT          the call that fails, from 1; 0 or nothing: none, they are only counted
//   MOESIM_FAIL_ERRNO       its errno as a number; ENOSPC otherwise
//   MOESIM_FAIL_COUNT_FILE  gets the number of calls when the first process leaves
//   MOESIM_FAIL_ALWAYS      if set, every later call fails too, as on a disk that stays full
//   MOESIM_FAIL_KILL        if set, the call does not fail, but its process dies there by SIGKILL
//
// Or a system that lacks services: MOESIM_LACKS=NAME=ERRNO,... for
//
//   file_sync, folder_sync   fsync of files, of folders
//   replace                  rename to a name that is there
//   locks                    fcntl: locks of open files and of processes
//   proc                     opening anything below /proc, and starting a program from there
//   null                     opening /dev/null
//   prctl, setrlimit, gethostname, sched_getaffinity, statvfs
//   fork                     the fork of that number, MOESIM_FORKS, of a process and its parents
//
// and MOESIM_TIME, the seconds since 1970 that its clock shows for ever.
//
// Counted: write, pwrite, writev, fsync, fdatasync, ftruncate, fallocate, rename (the target), open
// with O_CREAT, mkdir, fopen for writing, fflush and fclose; with MOESIM_FAIL_KILL also unlink,
// rmdir and remove, which a full disk allows but a process may not survive. A forked child goes on
// counting where its parent is. Not seen: what the C library does inside stdio (a full buffer), and
// programs that call the kernel themselves.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long* counter;  // shared with children
static long fail_at;
static int fail_errno = ENOSPC, fail_always, fail_kill;
static char under[PATH_MAX];  // canonical, without a slash at the end
static pid_t first;

// Sets the counter up. Calls may come before the constructor: from those of other libraries.
static void start(void) {
  if (counter != NULL) return;
  void* shared =
      mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) abort();
  counter = shared;
  first = getpid();
  const char* folder = getenv("MOESIM_FAIL_UNDER");
  if (folder != NULL && realpath(folder, under) == NULL) under[0] = '\0';
  const char* at = getenv("MOESIM_FAIL_AT");
  if (at != NULL) fail_at = atol(at);
  const char* reason = getenv("MOESIM_FAIL_ERRNO");
  if (reason != NULL) fail_errno = atoi(reason);
  fail_always = getenv("MOESIM_FAIL_ALWAYS") != NULL;
  fail_kill = getenv("MOESIM_FAIL_KILL") != NULL;
}

__attribute__((constructor)) static void begin(void) { start(); }

// By system calls, so that the report itself is not counted.
__attribute__((destructor)) static void report(void) {
  const char* path = getenv("MOESIM_FAIL_COUNT_FILE");
  if (path == NULL || counter == NULL || getpid() != first) return;
  char text[32];
  const int size = snprintf(text, sizeof text, "%ld\n", atomic_load(counter));
  const long file =
      syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return;
  syscall(SYS_write, file, text, size);
  syscall(SYS_close, file);
}

// Without destructors: shells leave so.
void _exit(int status) {
  report();
  for (;;) syscall(SYS_exit_group, status);
}

static int is_below(const char* path) {
  const size_t length = strlen(under);
  return length > 0 && strncmp(path, under, length) == 0 &&
         (path[length] == '/' || path[length] == '\0');
}

// 1 if this path, relative to an open folder, is below; it need not be there yet, but its folder
// must.
static int counts_path(int folder, const char* path) {
  start();
  if (under[0] == '\0' || path == NULL) return 0;
  char whole[2 * PATH_MAX], real[PATH_MAX];
  if (path[0] == '/' || folder == AT_FDCWD)
    snprintf(whole, sizeof whole, "%s", path);
  else
    snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s", folder, path);
  if (realpath(whole, real) != NULL) return is_below(real);
  // Not there yet: the folder that it would be in, not a link.
  size_t end = strlen(whole);
  while (end > 1 && whole[end - 1] == '/') --end;
  while (end > 0 && whole[end - 1] != '/') --end;
  if (end == 0) {
    snprintf(whole, sizeof whole, ".");
  } else {
    whole[end == 1 ? 1 : end - 1] = '\0';
  }
  return realpath(whole, real) != NULL && is_below(real);
}

static int counts_file(int file) {
  start();
  if (under[0] == '\0') return 0;
  char link[64], real[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t size = readlink(link, real, sizeof real - 1);
  if (size < 0) return 0;
  real[size] = '\0';  // of an unlinked file: "NAME (deleted)", still below
  return is_below(real);
}

// Counts one call; 1 with errno set if it is the one that fails.
static int fails(void) {
  const long now = 1 + atomic_fetch_add(counter, 1);
  if (fail_at <= 0 || (fail_always ? now < fail_at : now != fail_at)) return 0;
  if (fail_kill) raise(SIGKILL);
  errno = fail_errno;
  return 1;
}

// errno of the program is left alone where nothing fails.
static int refuses_path(int folder, const char* path) {
  const int before = errno;
  const int counted = counts_path(folder, path);
  errno = before;
  return counted && fails();
}

static int refuses_file(int file) {
  const int before = errno;
  const int counted = counts_file(file);
  errno = before;
  return counted && fails();
}

// 1 with errno set if the system has no such service.
static int lacks(const char* service) {
  const char* at = getenv("MOESIM_LACKS");
  const size_t size = strlen(service);
  while (at != NULL && *at != '\0') {
    if (strncmp(at, service, size) == 0 && at[size] == '=') {
      errno = atoi(at + size + 1);
      return 1;
    }
    at = strchr(at, ',');
    if (at != NULL) ++at;
  }
  return 0;
}

static int lacks_path(const char* path) {
  return (strncmp(path, "/proc/", 6) == 0 && lacks("proc")) ||
         (strcmp(path, "/dev/null") == 0 && lacks("null"));
}

#define NEXT(name) ((__typeof__(&(name)))dlsym(RTLD_NEXT, #name))

ssize_t write(int file, const void* bytes, size_t size) {
  return refuses_file(file) ? -1 : NEXT(write)(file, bytes, size);
}
ssize_t pwrite(int file, const void* bytes, size_t size, off_t at) {
  return refuses_file(file) ? -1 : NEXT(pwrite)(file, bytes, size, at);
}
ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t at) {
  return refuses_file(file) ? -1 : NEXT(pwrite64)(file, bytes, size, at);
}
ssize_t writev(int file, const struct iovec* pieces, int count) {
  return refuses_file(file) ? -1 : NEXT(writev)(file, pieces, count);
}
int fsync(int file) {
  struct stat status;
  if (fstat(file, &status) == 0 && lacks(S_ISDIR(status.st_mode) ? "folder_sync" : "file_sync"))
    return -1;
  return refuses_file(file) ? -1 : NEXT(fsync)(file);
}
int fdatasync(int file) { return refuses_file(file) ? -1 : NEXT(fdatasync)(file); }
int ftruncate(int file, off_t size) {
  return refuses_file(file) ? -1 : NEXT(ftruncate)(file, size);
}
int ftruncate64(int file, off64_t size) {
  return refuses_file(file) ? -1 : NEXT(ftruncate64)(file, size);
}
int fallocate(int file, int mode, off_t at, off_t size) {
  return refuses_file(file) ? -1 : NEXT(fallocate)(file, mode, at, size);
}

int rename(const char* from, const char* to) {
  if (access(to, F_OK) == 0 && lacks("replace")) return -1;
  return refuses_path(AT_FDCWD, to) ? -1 : NEXT(rename)(from, to);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  return refuses_path(to_folder, to) ? -1 : NEXT(renameat)(from_folder, from, to_folder, to);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  return refuses_path(to_folder, to) ? -1
                                     : NEXT(renameat2)(from_folder, from, to_folder, to, flags);
}
int mkdir(const char* path, mode_t mode) {
  return refuses_path(AT_FDCWD, path) ? -1 : NEXT(mkdir)(path, mode);
}
int mkdirat(int folder, const char* path, mode_t mode) {
  return refuses_path(folder, path) ? -1 : NEXT(mkdirat)(folder, path, mode);
}

static int refuses_removal(int folder, const char* path) {
  return fail_kill && refuses_path(folder, path);
}
int unlink(const char* path) { return refuses_removal(AT_FDCWD, path) ? -1 : NEXT(unlink)(path); }
int unlinkat(int folder, const char* path, int flags) {
  return refuses_removal(folder, path) ? -1 : NEXT(unlinkat)(folder, path, flags);
}
int rmdir(const char* path) { return refuses_removal(AT_FDCWD, path) ? -1 : NEXT(rmdir)(path); }
int remove(const char* path) { return refuses_removal(AT_FDCWD, path) ? -1 : NEXT(remove)(path); }

static mode_t mode_of(int flags, va_list more) {
  return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define OPEN_BODY(next, folder)                                   \
  va_list more;                                                   \
  va_start(more, flags);                                          \
  const mode_t mode = mode_of(flags, more);                       \
  va_end(more);                                                   \
  if (lacks_path(path)) return -1;                                \
  if ((flags & O_CREAT) && refuses_path(folder, path)) return -1; \
  return next

int open(const char* path, int flags, ...) { OPEN_BODY(NEXT(open)(path, flags, mode), AT_FDCWD); }
int open64(const char* path, int flags, ...) {
  OPEN_BODY(NEXT(open64)(path, flags, mode), AT_FDCWD);
}
int openat(int folder, const char* path, int flags, ...) {
  OPEN_BODY(NEXT(openat)(folder, path, flags, mode), folder);
}
int openat64(int folder, const char* path, int flags, ...) {
  OPEN_BODY(NEXT(openat64)(folder, path, flags, mode), folder);
}
int creat(const char* path, mode_t mode) {
  return refuses_path(AT_FDCWD, path) ? -1 : NEXT(creat)(path, mode);
}

// The C library's own stdio calls its own open and write, past these; so it is stopped where it is
// entered. C++ streams (libstdc++) open by fopen, but write by write and writev.
static int creates(const char* how) { return how[0] == 'w' || how[0] == 'a'; }
FILE* fopen(const char* path, const char* how) {
  if (lacks_path(path)) return NULL;
  return creates(how) && refuses_path(AT_FDCWD, path) ? NULL : NEXT(fopen)(path, how);
}
FILE* fopen64(const char* path, const char* how) {
  if (lacks_path(path)) return NULL;
  return creates(how) && refuses_path(AT_FDCWD, path) ? NULL : NEXT(fopen64)(path, how);
}
int fflush(FILE* file) {
  return file != NULL && fileno(file) >= 0 && refuses_file(fileno(file)) ? EOF : NEXT(fflush)(file);
}
int fclose(FILE* file) {
  const int refused = fileno(file) >= 0 && (fcntl(fileno(file), F_GETFL) & O_ACCMODE) != O_RDONLY &&
                      refuses_file(fileno(file));
  const int reason = errno;
  const int result = NEXT(fclose)(file);
  if (!refused) return result;
  errno = reason;
  return EOF;
}

static int fcntl_as(__typeof__(&fcntl) next, int file, int command, void* argument) {
  const int locks = command == F_OFD_SETLK || command == F_OFD_GETLK || command == F_SETLK;
  return locks && lacks("locks") ? -1 : next(file, command, argument);
}
int fcntl(int file, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  return fcntl_as(NEXT(fcntl), file, command, argument);
}
int fcntl64(int file, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  return fcntl_as(NEXT(fcntl64), file, command, argument);
}

int prctl(int option, ...) {
  va_list more;
  va_start(more, option);
  const unsigned long a = va_arg(more, unsigned long), b = va_arg(more, unsigned long),
                      c = va_arg(more, unsigned long), d = va_arg(more, unsigned long);
  va_end(more);
  return lacks("prctl") ? -1 : NEXT(prctl)(option, a, b, c, d);
}
int setrlimit(__rlimit_resource_t resource, const struct rlimit* limit) {
  return lacks("setrlimit") ? -1 : NEXT(setrlimit)(resource, limit);
}
int gethostname(char* name, size_t size) {
  return lacks("gethostname") ? -1 : NEXT(gethostname)(name, size);
}
int sched_getaffinity(pid_t process, size_t size, cpu_set_t* set) {
  return lacks("sched_getaffinity") ? -1 : NEXT(sched_getaffinity)(process, size, set);
}
int statvfs(const char* path, struct statvfs* status) {
  return lacks("statvfs") ? -1 : NEXT(statvfs)(path, status);
}
int execv(const char* path, char* const arguments[]) {
  return lacks_path(path) ? -1 : NEXT(execv)(path, arguments);
}

pid_t fork(void) {
  static atomic_long forks;
  const char* most = getenv("MOESIM_FORKS");
  if (most != NULL && 1 + atomic_fetch_add(&forks, 1) == atol(most) && lacks("fork")) return -1;
  return NEXT(fork)();
}

time_t time(time_t* result) {
  const char* shown = getenv("MOESIM_TIME");
  if (shown == NULL) return NEXT(time)(result);
  const time_t now = atoll(shown);
  if (result != NULL) *result = now;
  return now;
}

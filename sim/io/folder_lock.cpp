#include "sim/io/folder_lock.hpp"

#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/missing_service.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

constexpr char kHolder[] = "process ";  // how the content of a lock file begins

std::string path_of(const std::string& folder) { return folder + "/.lock"; }

// O_NONBLOCK everywhere: opening a FIFO of that name must not block. Locks belong to the open file
// description, not to the process: POSIX process locks vanish when the process closes any other
// descriptor of the file.
struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::string holder_of(int file) {
  char text[200];
  const ssize_t count = ::pread(file, text, sizeof text, 0);
  std::string holder(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  for (char& c : holder)
    if (c < ' ' || c > '~') c = ' ';
  while (!holder.empty() && holder.back() == ' ') holder.pop_back();
  return holder.empty() ? "another process" : holder;
}

std::string this_process() {
  char host[65] = "";
  if (::gethostname(host, sizeof host - 1) != 0) std::strcpy(host, "an unknown host");
  return kHolder + std::to_string(::getpid()) + " on " + host + "\n";
}

// True if the open file is still the file at `path`.
bool is_at(int file, const std::string& path) {
  struct stat locked {
  }, standing{};
  return ::fstat(file, &locked) == 0 && ::stat(path.c_str(), &standing) == 0 &&
         locked.st_dev == standing.st_dev && locked.st_ino == standing.st_ino;
}

// Throws Unreadable unless the content is what this version writes: the last holder's name, or
// nothing if the process was killed before it wrote it.
void require_own(int file, const std::string& path) {
  constexpr std::string_view kOurs(kHolder);
  char text[kOurs.size()];
  const ssize_t count = ::pread(file, text, sizeof text, 0);
  const std::string_view found(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  if (found != kOurs.substr(0, found.size()))
    throw Unreadable(path +
                     ": holds what this moesim did not write; use the version that wrote it, "
                     "or remove the file if nobody uses the folder");
}

// Opens and locks the file; returns 0 or the errno of the lock, with `file` open. If the file is
// removed or replaced before it is locked, the new one is tried.
int lock_file(const std::string& path, int& file) {
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    file = ::open(path.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
    if (file < 0)
      fail(Exit::output, path + ": cannot open: " + std::generic_category().message(errno));
    struct flock lock = whole_file();
    if (::fcntl(file, F_OFD_SETLK, &lock) != 0) return errno;
    if (is_at(file, path)) return 0;
    ::close(file);
  }
  fail(Exit::locked, path + ": is removed again and again; another process uses the folder");
}

}  // namespace

FolderLock::FolderLock(const std::string& folder) : path_(path_of(folder)) {
  const int reason = lock_file(path_, file_);
  const bool missing = reason == ENOLCK || is_missing(reason);
  if (missing)
    warn_missing(Service::locks, path_ + ": this file system has no locks (" +
                                     std::generic_category().message(reason) +
                                     "); see to it that no two processes train the same run");
  if (reason == 0 || missing) {
    try {
      require_own(file_, path_);
    } catch (...) {
      ::close(file_);  // the destructor does not run after a throwing constructor
      throw;
    }
    const std::string me = this_process();
    // The holder's name is optional: a full disk must not prevent resuming.
    if (::ftruncate(file_, 0) == 0 && ::pwrite(file_, me.data(), me.size(), 0) < 0) errno = 0;
    return;
  }
  const std::string holder = holder_of(file_);
  ::close(file_);
  if (reason != EAGAIN && reason != EACCES)
    fail(Exit::output, path_ + ": cannot lock: " + std::generic_category().message(reason));
  fail(Exit::locked, folder + ": in use by " + holder + "; wait for it, or choose another --out");
}

void require_own_lock(const std::string& folder) {
  const std::string path = path_of(folder);
  const int file = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return;
  try {
    require_own(file, path);
  } catch (...) {
    ::close(file);
    throw;
  }
  ::close(file);
}

void FolderLock::require_held() const {
  if (!is_at(file_, path_))
    fail(Exit::locked, path_ +
                           ": was removed or replaced, so another process may train here; "
                           "stopped without writing");
}

FolderLock::~FolderLock() { ::close(file_); }

std::optional<std::string> lock_holder(const std::string& folder) {
  const int file = ::open(path_of(folder).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0 && is_shortage(errno)) fail_short(path_of(folder) + ": cannot be opened", errno);
  if (file < 0) return {};
  struct flock lock = whole_file();
  lock.l_type =
      F_RDLCK;  // a descriptor opened for reading can query only this: is there a write lock?
  std::optional<std::string> holder;
  if (::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) holder = holder_of(file);
  ::close(file);
  return holder;
}

}  // namespace moesim

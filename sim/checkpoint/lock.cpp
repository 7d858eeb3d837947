#include "sim/checkpoint/lock.hpp"

#include "sim/core/error.hpp"
#include "sim/record/missing.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

std::string path_of(const std::string& folder) { return folder + "/.lock"; }

// O_NONBLOCK everywhere: a FIFO of that name must not make anybody wait.
// Locks of the open file description, not of the process: those of POSIX vanish when the process
// closes any other handle of the file.
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
  return "process " + std::to_string(::getpid()) + " on " + host + "\n";
}

}  // namespace

FolderLock::FolderLock(const std::string& folder) {
  const std::string path = path_of(folder);
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666);
  if (file_ < 0)
    fail(Exit::output, path + ": cannot open: " + std::generic_category().message(errno));
  struct flock lock = whole_file();
  const int reason = ::fcntl(file_, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
  if (reason == ENOLCK || is_missing(reason))
    warn_missing(Service::locks, path + ": this file system has no locks (" +
                                     std::generic_category().message(reason) +
                                     "); see to it that no two processes train the same run");
  if (reason == 0 || reason == ENOLCK || is_missing(reason)) {
    const std::string me = this_process();
    // Who we are is a courtesy: a full disk must not keep us from resuming.
    if (::ftruncate(file_, 0) == 0 && ::pwrite(file_, me.data(), me.size(), 0) < 0) errno = 0;
    return;
  }
  const std::string holder = holder_of(file_);
  ::close(file_);
  if (reason != EAGAIN && reason != EACCES)
    fail(Exit::output, path + ": cannot lock: " + std::generic_category().message(reason));
  fail(Exit::locked, folder + ": in use by " + holder + "; wait for it, or choose another --out");
}

FolderLock::~FolderLock() { ::close(file_); }

std::optional<std::string> lock_holder(const std::string& folder) {
  const int file = ::open(path_of(folder).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (file < 0) return {};
  struct flock lock = whole_file();
  lock.l_type =
      F_RDLCK;  // a question that a file open for reading may ask: is it locked for writing?
  std::optional<std::string> holder;
  if (::fcntl(file, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) holder = holder_of(file);
  ::close(file);
  return holder;
}

}  // namespace moesim

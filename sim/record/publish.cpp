#include "sim/record/publish.hpp"

#include "sim/core/error.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <filesystem>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

[[noreturn]] void cannot_write(const std::string& path, int reason) {
  fail(Exit::output, path + ": cannot write: " + std::generic_category().message(reason) +
                         "; free space or choose another --out");
}

// Each step returns 0 or an errno, so that the temporary is removed in one place.
int write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int write_synced(const std::string& path, std::string_view bytes) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  int reason = write_all(file, bytes);
  if (reason == 0 && ::fsync(file) != 0) reason = errno;
  // Some file systems report a full quota only here.
  if (::close(file) != 0 && reason == 0) reason = errno;
  return reason;
}

// Makes the rename itself durable. File systems that cannot sync a folder say EINVAL.
int sync_folder(const std::string& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  const int reason = ::fsync(file) != 0 && errno != EINVAL ? errno : 0;
  ::close(file);
  return reason;
}

}  // namespace

void publish_bytes(const std::string& path, std::string_view bytes) {
  const std::filesystem::path target(path);
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  const std::string temporary =
      folder / ("." + target.filename().string() + ".tmp-" + std::to_string(::getpid()));

  ::unlink(temporary.c_str());  // of a process that had this number and was killed
  int reason = write_synced(temporary, bytes);
  if (reason == 0 && std::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason != 0) {
    ::unlink(temporary.c_str());
    cannot_write(path, reason);
  }
  // From here on the new file is in place; a failure means that a power loss could still bring the
  // old one back.
  reason = sync_folder(folder);
  if (reason != 0) cannot_write(path, reason);
}

}  // namespace moesim

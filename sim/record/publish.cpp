#include "sim/record/publish.hpp"

#include "sim/core/error.hpp"
#include "sim/record/missing.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTemporary = ".tmp-";

[[noreturn]] void cannot_write(const std::string& path, int reason) {
  const char* advice = reason == EFBIG ? "; raise the limit of file sizes (ulimit -f)"
                                       : "; free space or choose another --out";
  fail(Exit::output, path + ": cannot write: " + std::generic_category().message(reason) + advice);
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

// 0 if the file system has no fsync for files: they are written then, if later than asked for.
int errno_of_sync(const std::string& path) {
  const int reason = errno;
  if (!is_missing(reason)) return reason;
  warn_missing(Service::file_sync,
               path + ": this file system cannot sync files (" +
                   std::generic_category().message(reason) +
                   "); a power cut may cost what was written last, or damage it");
  return 0;
}

int write_synced(const std::string& path, const std::vector<std::string_view>& pieces) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  int reason = 0;
  for (const std::string_view piece : pieces)
    if (reason == 0) reason = write_all(file, piece);
  if (reason == 0 && ::fsync(file) != 0) reason = errno_of_sync(path);
  // Some file systems report a full quota only here.
  if (::close(file) != 0 && reason == 0) reason = errno;
  return reason;
}

// Makes the rename itself durable. A folder that may not be read, or a file system that cannot sync
// folders, is no failure: the file is whole in either case.
int sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int reason = file < 0 || ::fsync(file) != 0 ? errno : 0;
  if (file >= 0) ::close(file);
  if (reason != 0 && (is_missing(reason) || reason == EACCES || reason == EPERM)) {
    warn_missing(Service::folder_sync,
                 folder.string() + ": this folder cannot be synced (" +
                     std::generic_category().message(reason) +
                     "); after a power cut the file before the last may be back");
    reason = 0;
  }
  return reason;
}

// The folder and the temporary of what will be published.
struct Place {
  fs::path folder, temporary;
};

Place place_of(const std::string& path) {
  const fs::path target(path);
  const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
  return {folder, folder / ("." + target.filename().string() + std::string(kTemporary) +
                            std::to_string(::getpid()))};
}

std::vector<fs::path> temporaries_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (name.front() == '.' && name.find(kTemporary) != std::string::npos)
      found.push_back(entry.path());
  }
  return found;
}

bool is_alive(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

// Returns 0 or an errno.
int rename_over(const fs::path& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return 0;
  // A file system that renames but does not replace.
  if (errno != EEXIST || ::unlink(to.c_str()) != 0) return errno;
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Puts the temporary in its place, or removes it.
void settle(const Place& place, const std::string& path, int reason) {
  if (reason == 0) reason = rename_over(place.temporary, path);
  if (reason != 0) {
    std::error_code ignored;
    fs::remove_all(place.temporary, ignored);
    cannot_write(path, reason);
  }
  // From here on the new one is in place; a failure means that a power loss could still bring the
  // old one back.
  reason = sync_folder(place.folder);
  if (reason != 0) cannot_write(path, reason);
}

}  // namespace

void publish_bytes(const std::string& path, std::string_view bytes) {
  const Place place = place_of(path);
  ::unlink(place.temporary.c_str());  // of a process that had this number and was killed
  settle(place, path, write_synced(place.temporary, {bytes}));
}

void publish_folder(const std::string& path, const std::vector<FileContent>& files) {
  const Place place = place_of(path);
  std::error_code error;
  fs::remove_all(place.temporary, error);
  int reason = ::mkdir(place.temporary.c_str(), 0777) == 0 ? 0 : errno;
  for (const FileContent& file : files)
    if (reason == 0) reason = write_synced(place.temporary / file.name, file.pieces);
  if (reason == 0) reason = sync_folder(place.temporary);
  settle(place, path, reason);
}

std::error_code remove_folder(const std::string& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return error;
  const fs::path aside = place_of(path).temporary;
  fs::remove_all(aside, error);
  fs::rename(path, aside, error);
  // A disk that cannot rename may still be able to remove.
  fs::remove_all(error ? fs::path(path) : aside, error);
  return error;
}

void remove_temporaries(const std::string& folder) {
  std::error_code ignored;
  for (const fs::path& path : temporaries_in(folder)) fs::remove_all(path, ignored);
}

void remove_old_temporaries(const std::string& folder) {
  const auto hour_ago = fs::file_time_type::clock::now() - std::chrono::hours(1);
  for (const fs::path& path : temporaries_in(folder)) {
    std::error_code error;
    const std::string name = path.filename();
    const int process = std::atoi(name.c_str() + name.rfind(kTemporary) + kTemporary.size());
    if (fs::last_write_time(path, error) < hour_ago && !error && process > 0 && !is_alive(process))
      fs::remove_all(path, error);
  }
}

}  // namespace moesim

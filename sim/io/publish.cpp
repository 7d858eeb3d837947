#include "sim/io/publish.hpp"

#include "sim/core/error.hpp"
#include "sim/io/missing_service.hpp"

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

// Each step returns 0 or an errno, so that only one place removes the temporary.
int write_synced(const std::string& path, const Pieces& pieces) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  int reason = 0;
  try {
    pieces([&](std::string_view piece) {
      if (reason == 0) reason = write_all(file, piece);
    });
  } catch (...) {
    ::close(file);
    ::unlink(path.c_str());
    throw;
  }
  if (reason == 0) reason = sync_file(file, path);
  // Some file systems report a full quota only here.
  if (::close(file) != 0 && reason == 0) reason = errno;
  return reason;
}

Pieces pieces_of(const std::vector<std::string_view>& all) {
  return [all](const auto& take) {
    for (const std::string_view piece : all) take(piece);
  };
}

// Makes the rename durable. A folder without read permission, or a file system that cannot sync
// folders, is no failure: the file is complete in either case.
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

// The target's folder and the path of its temporary.
struct Place {
  fs::path folder, temporary;
};

// The end of a chain of links, or the path itself.
fs::path end_of_links(fs::path path) {
  constexpr int kMostLinks = 40;  // the kernel's own limit
  std::error_code error;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, error); ++i)
    path = path.parent_path() / fs::read_symlink(path, error);
  return path;
}

Place place_of(const fs::path& target) {
  const fs::path folder = target.has_parent_path() ? target.parent_path() : ".";
  return {folder, folder / ("." + target.filename().string() + std::string(kTemporary) +
                            std::to_string(::getpid()))};
}

std::vector<fs::path> temporaries_in(const std::string& folder) {
  std::error_code error;
  std::vector<fs::path> found;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    const std::size_t mark = name.rfind(kTemporary);
    if (name.front() != '.' || mark == std::string::npos || entry.is_symlink(error)) continue;
    const std::string process = name.substr(mark + kTemporary.size());
    if (!process.empty() && process.find_first_not_of("0123456789") == std::string::npos)
      found.push_back(entry.path());
  }
  return found;
}

bool is_alive(pid_t process) { return ::kill(process, 0) == 0 || errno != ESRCH; }

// Renames the temporary to the target. Returns 0 or an errno.
int rename_over(const fs::path& from, const std::string& to) {
  if (std::rename(from.c_str(), to.c_str()) == 0) return 0;
  // Some file systems do not replace an existing file on rename.
  if (errno != EEXIST || ::unlink(to.c_str()) != 0) return errno;
  return std::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

// Renames the temporary to the target, or removes it on failure.
void settle(const Place& place, const std::string& path, int reason, const char* option = "--out") {
  if (reason == 0) reason = rename_over(place.temporary, path);
  if (reason != 0) {
    std::error_code ignored;
    fs::remove_all(place.temporary, ignored);
    cannot_write(path, reason, option);
  }
  // The new file is in place now; after a failure below, a power loss could restore the old one.
  reason = sync_folder(place.folder);
  if (reason != 0) cannot_write(path, reason, option);
}

std::string parent_of(const std::string& path) {
  const std::string parent = fs::path(path).parent_path();
  return parent.empty() ? "." : parent;
}

// Advice for an errno of writing to `path`, which an option named.
std::string advice_about(const std::string& path, int reason, const std::string& option) {
  std::string another = "choose another " + option;
  switch (reason) {
    case ENOENT:
      return "create the folder " + parent_of(path) + " or " + another;
    case ENOTDIR:
      return "a file stands where a folder is needed; " + another;
    case EACCES:
    case EPERM:
      return "change its permissions or " + another;
    case EFBIG:
      return "raise the limit of file sizes (ulimit -f)";
    case ENOSPC:
    case EDQUOT:
      return "free space or " + another;
    default:
      return another;
  }
}

}  // namespace

std::string described(const std::string& path) {
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? path : path + " (a link to " + target.string() + ")";
}

void cannot_write(const std::string& path, int reason, const char* option) {
  fail(Exit::output, described(path) +
                         ": cannot write: " + std::generic_category().message(reason) + "; " +
                         advice_about(path, reason, option));
}

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

int sync_file(int file, const std::string& path) {
  const int reason = ::fsync(file) != 0 ? errno : 0;
  if (!is_missing(reason)) return reason;
  warn_missing(Service::file_sync,
               path + ": this file system cannot sync files (" +
                   std::generic_category().message(reason) +
                   "); a power cut may cost what was written last, or damage it");
  return 0;
}

void publish_bytes(const std::string& path, std::string_view bytes) {
  publish_pieces(path, pieces_of({bytes}));
}

void publish_pieces(const std::string& link, const Pieces& pieces, const char* option) {
  const std::string path = end_of_links(link);
  const Place place = place_of(path);
  ::unlink(place.temporary.c_str());  // left by a killed process with the same process id
  settle(place, path, write_synced(place.temporary, pieces), option);
}

void publish_folder(const std::string& path, const std::vector<FileContent>& files) {
  const Place place = place_of(path);
  std::error_code error;
  fs::remove_all(place.temporary, error);
  int reason = ::mkdir(place.temporary.c_str(), 0777) == 0 ? 0 : errno;
  for (const FileContent& file : files)
    if (reason == 0) reason = write_synced(place.temporary / file.name, pieces_of(file.pieces));
  if (reason == 0) reason = sync_folder(place.temporary);
  settle(place, path, reason);
}

std::error_code remove_folder(const std::string& path) {
  std::error_code error;
  if (fs::is_symlink(path, error)) return std::make_error_code(std::errc::not_a_directory);
  if (!fs::exists(path, error)) return error;
  const fs::path aside = place_of(path).temporary;
  fs::remove_all(aside, error);
  fs::rename(path, aside, error);
  // If the rename failed, removing the folder in place may still succeed.
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

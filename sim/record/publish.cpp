#include "sim/record/publish.hpp"

#include "sim/core/error.hpp"

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

// Each step returns 0 or an errno, so that the temporary is removed in one place.
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
  if (reason == 0) reason = sync_file(file);
  // Some file systems report a full quota only here.
  if (::close(file) != 0 && reason == 0) reason = errno;
  return reason;
}

Pieces pieces_of(const std::vector<std::string_view>& all) {
  return [all](const auto& take) {
    for (const std::string_view piece : all) take(piece);
  };
}

// Makes the rename itself durable. File systems that cannot sync a folder say EINVAL.
int sync_folder(const fs::path& folder) {
  const int file = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return errno;
  const int reason = ::fsync(file) != 0 && errno != EINVAL ? errno : 0;
  ::close(file);
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

// Puts the temporary in its place, or removes it.
void settle(const Place& place, const std::string& path, int reason) {
  if (reason == 0 && std::rename(place.temporary.c_str(), path.c_str()) != 0) reason = errno;
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

void cannot_write(const std::string& path, int reason) {
  fail(Exit::output, path + ": cannot write: " + std::generic_category().message(reason) +
                         "; free space or choose another --out");
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

int sync_file(int file) { return ::fsync(file) != 0 ? errno : 0; }

void publish_bytes(const std::string& path, std::string_view bytes) {
  publish_pieces(path, pieces_of({bytes}));
}

void publish_pieces(const std::string& path, const Pieces& pieces) {
  const Place place = place_of(path);
  ::unlink(place.temporary.c_str());  // of a process that had this number and was killed
  settle(place, path, write_synced(place.temporary, pieces));
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

#include "experiments/sweep/writable.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// Creates `folder` and the missing folders above it, and appends each to `created`, outermost
// first.
std::error_code create_folders(const fs::path& folder, std::vector<fs::path>& created) {
  std::error_code error;
  if (fs::is_directory(folder, error)) return {};
  if (folder.has_relative_path())
    if (const std::error_code above = create_folders(folder.parent_path(), created)) return above;
  if (::mkdir(folder.c_str(), 0777) == 0)
    created.push_back(folder);
  else if (errno != EEXIST)
    return {errno, std::generic_category()};
  else if (!fs::is_directory(folder, error))
    return {fs::is_symlink(folder, error) ? ENOENT : ENOTDIR, std::generic_category()};
  return {};
}

// The first dangling link in the path of `folder`, for a message: " (runs is a link to
// /scratch/runs, ...)".
std::string broken_link(const fs::path& folder) {
  std::error_code error;
  fs::path so_far;
  for (const fs::path& part : folder) {
    so_far /= part;
    if (fs::is_symlink(so_far, error) && !fs::exists(so_far, error))
      return fmt::format(" ({} is a link to {}, which is not there)", so_far.string(),
                         fs::read_symlink(so_far, error).string());
  }
  return {};
}

}  // namespace

void require_writable(const std::string& folder) {
  std::vector<fs::path> created;
  std::error_code error = create_folders(fs::absolute(fs::path(folder)), created);
  if (!error) {
    std::string probe = folder + "/.write-test-XXXXXX";
    errno = 0;
    const int file = ::mkstemp(probe.data());
    if (file < 0 || ::write(file, "moesim\n", 7) != 7)
      error = {errno == 0 ? ENOSPC : errno, std::generic_category()};
    if (file >= 0) {
      ::close(file);
      ::unlink(probe.c_str());
    }
  }
  if (!error) return;
  for (auto path = created.rbegin(); path != created.rend(); ++path) ::rmdir(path->c_str());
  fail(Exit::output, folder + ": cannot write: " + error.message() + broken_link(folder) +
                         "; choose another --out");
}

}  // namespace moesim

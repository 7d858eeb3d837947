#include "sim/data/file.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace moesim {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  return "a device";
}

std::string link_target(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

// Where a relative path starts: "; looked for in FOLDER".
std::string start_of(const std::string& path) {
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  return path.starts_with('/') || error ? "" : "; looked for in " + folder;
}

[[noreturn]] void fail_system(const std::string& path, const char* what) {
  const int reason = errno;
  struct stat status {};
  const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  const std::string message = fmt::format("{}: {}: {}{}", path, what, std::strerror(reason),
                                          reason == ENOENT ? start_of(path) : "");
  if (reason == ENOENT && !is_link) fail(Exit::data, message);
  throw Unreadable(message + (is_link ? "; it is a link to " + link_target(path) : ""));
}

}  // namespace

// O_NONBLOCK: opening a FIFO that nobody writes to would wait for ever. Regular files ignore it.
InputFile::InputFile(const std::string& path)
    : descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (descriptor_ < 0) fail_system(path, "cannot be opened");
  std::string wrong;
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0)
    wrong = std::string("cannot be examined: ") + std::strerror(errno);
  else if (!S_ISREG(status.st_mode))
    wrong = std::string("expected a regular file, found ") + kind_of(status.st_mode);
  else if (status.st_size == 0)
    wrong = "expected data, found an empty file";
  if (!wrong.empty()) {
    ::close(descriptor_);  // the destructor does not run after a throwing constructor
    fail(Exit::data, path + ": " + wrong);
  }
  bytes_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int InputFile::release() { return std::exchange(descriptor_, -1); }

std::string read_file(const std::string& path, std::uint64_t limit) {
  const InputFile file(path);
  if (file.bytes() > limit)
    fail(Exit::data,
         fmt::format("{}: expected at most {} bytes of data, found {}", path, limit, file.bytes()));
  std::string contents(file.bytes(), '\0');
  std::size_t done = 0;
  while (done < contents.size()) {
    const ssize_t got = ::read(file.descriptor(), contents.data() + done, contents.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(path, "cannot be read");
    if (got == 0)
      fail(Exit::data, fmt::format("{}: expected {} bytes, found its end after {}", path,
                                   contents.size(), done));
    done += static_cast<std::size_t>(got);
  }
  return contents;
}

std::vector<std::string> match_files(const std::string& pattern, const std::string& root) {
  const bool from_root = !root.empty() && !pattern.starts_with('/');
  const std::string whole = from_root ? root + "/" + pattern : pattern;
  // A name that exists is taken as it is, whatever characters it has.
  struct stat status {};
  const bool is_pattern = pattern.find_first_of("*?[") != std::string::npos;
  if (!is_pattern || ::stat(whole.c_str(), &status) == 0) return {whole};
  std::string escaped;
  if (from_root) {
    for (const char c : root + "/") escaped += std::string(1, '\\') + c;
  }
  glob_t found{};
  std::vector<std::string> files;
  if (::glob((escaped + pattern).c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (files.empty())
    fail(Exit::data,
         whole + ": expected at least one file, found none that matches" + start_of(whole));
  std::sort(files.begin(), files.end());  // glob's own order depends on the locale
  return files;
}

}  // namespace moesim

#include "sim/io/file.hpp"

#include "sim/core/error.hpp"
#include "sim/io/file_journal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <glob.h>
#include <set>
#include <string_view>
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

// Matches of `pattern`, which starts from `root` if it is relative; `root` is taken literally.
// Sorted here because glob's own order depends on the locale.
std::vector<std::string> glob_files(const std::string& pattern, const std::string& root) {
  const std::string whole = under_root(root, pattern);
  const std::string before = whole.substr(0, whole.size() - pattern.size());
  std::string escaped;
  for (const char c : before) escaped += std::string(1, '\\') + c;
  glob_t found{};
  std::vector<std::string> files;
  if (::glob((escaped + pattern).c_str(), 0, nullptr, &found) == 0)
    files.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  std::sort(files.begin(), files.end());
  return files;
}

// Removes .gz or .zst from a name.
std::string_view uncompressed(std::string_view name) {
  for (const std::string_view ending : {".gz", ".zst"})
    if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
  return name;
}

// Matches of the patterns FOLDER/*ENDING, where FOLDER is taken literally.
std::vector<std::string> files_of_folder(const std::string& folder,
                                         const std::vector<std::string>& endings) {
  namespace fs = std::filesystem;
  std::set<std::string> files;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const std::string_view plain = uncompressed(name);
    if (name.front() != '.' &&
        std::any_of(endings.begin(), endings.end(),
                    [&](const std::string& ending) { return plain.ends_with(ending); }))
      files.insert(at->path().string());
  }
  if (error)
    fail(Exit::data, fmt::format("{}: the folder cannot be read: {}", folder, error.message()));
  if (files.empty())
    fail(Exit::data,
         fmt::format("{}: expected *{} in this folder, found none; write a pattern, such as "
                     "FOLDER/*.md",
                     folder, joined(endings, " or *")));
  std::vector<std::string> result;
  for (const std::string& file : files)
    if (const std::string plain(uncompressed(file)); plain == file || !files.contains(plain))
      result.push_back(file);
  return result;
}

std::string link_target(const std::string& path) {
  std::error_code error;
  return std::filesystem::read_symlink(path, error).string();
}

// For messages about a relative path: "; looked for in FOLDER".
std::string start_of(const std::string& path) {
  std::error_code error;
  const std::string folder = std::filesystem::current_path(error).string();
  return path.starts_with('/') || error ? "" : "; looked for in " + folder;
}

[[noreturn]] void fail_system(const std::string& path, const char* what) {
  const int reason = errno;
  if (is_shortage(reason)) fail_short(path + ": " + what, reason);
  struct stat status {};
  const bool is_link = ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
  std::string advice = reason == ENOENT ? path_advice(path) : "";
  if (reason == ENOENT && advice.empty()) advice = start_of(path);
  const std::string message =
      fmt::format("{}: {}: {}{}", path, what, std::strerror(reason), advice);
  if (reason == ENOENT && !is_link) fail(Exit::data, message);
  throw Unreadable(message + (is_link ? "; it is a link to " + link_target(path) : ""));
}

}  // namespace

bool is_shortage(int reason) {
  return reason == EMFILE || reason == ENFILE || reason == EAGAIN || reason == ENOMEM;
}

void fail_short(const std::string& what, int reason) {
  const char* const advice = reason == EMFILE   ? "; raise the limit of open files (ulimit -n)"
                             : reason == EAGAIN ? "; raise the limit of processes (ulimit -u)"
                                                : "";
  throw Shortage(fmt::format("{}: {}{}", what, std::strerror(reason), advice));
}

// O_NONBLOCK: without it, opening a FIFO without a writer blocks for ever. Regular files ignore it.
InputFile::InputFile(const std::string& path)
    : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
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
  if (FileJournal* const journal = FileJournal::current()) journal->note(path, status);
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

int InputFile::release() { return std::exchange(descriptor_, -1); }

void InputFile::read_at(std::uint64_t offset, void* to, std::size_t count) const {
  auto* const bytes = static_cast<char*>(to);
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got =
        ::pread(descriptor_, bytes + done, count - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_system(path_, "cannot be read");
    if (got == 0) {
      struct stat status {};
      const bool known = ::fstat(descriptor_, &status) == 0;
      fail(Exit::data,
           fmt::format("{}: expected {} bytes, found its end after {}", path_,
                       std::max(bytes_, offset + count),
                       known ? static_cast<std::uint64_t>(status.st_size) : offset + done));
    }
    done += static_cast<std::size_t>(got);
  }
}

std::string read_file(const std::string& path, std::uint64_t limit) {
  return contents_of(InputFile(path), limit);
}

std::string contents_of(const InputFile& file, std::uint64_t limit) {
  if (file.bytes() > limit)
    fail(Exit::data, fmt::format("{}: expected at most {} bytes of data, found {}", file.path(),
                                 limit, file.bytes()));
  std::string contents(file.bytes(), '\0');
  file.read_at(0, contents.data(), contents.size());
  return contents;
}

std::string under_root(const std::string& root, const std::string& path) {
  return root.empty() || path.empty() || path.starts_with('/') ? path : root + "/" + path;
}

bool is_pattern(const std::string& name) { return name.find_first_of("*?[") != name.npos; }

bool names_files(const std::string& name, const std::string& root) {
  struct stat status {};
  return ::stat(under_root(root, name).c_str(), &status) == 0 ||
         (is_pattern(name) && !glob_files(name, root).empty());
}

std::vector<std::string> match_files(const std::string& name, const std::string& root,
                                     const std::vector<std::string>& endings) {
  const std::string path = under_root(root, name);
  // An existing name is taken literally, even if it contains pattern characters.
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return files_of_folder(path, endings);
  if (exists || !is_pattern(name)) return {path};
  std::vector<std::string> files = glob_files(name, root);
  if (files.empty())
    fail(Exit::data, path + ": expected at least one file, found none that matches" +
                         start_of(path) + path_advice(name));
  return files;
}

std::string path_advice(const std::string& name) {
  const auto has = [&name](std::string_view part) { return name.find(part) != name.npos; };
  if (name.empty()) return {};
  if (has("://") || name.starts_with("//"))
    return "; a URL is not fetched: download it and name the file";
  if (name.size() > 2 && name[1] == ':' && name[2] == '\\')
    return "; a path of Windows: under WSL, C:\\ is /mnt/c/";
  if (name.front() == '~') return "; ~ is not expanded: write the whole path";
  if (has("$")) return "; variables are not expanded: write the whole path";
  if (name.front() == '"' || name.front() == '\'')
    return "; quotes are taken as part of the name: write it without them";
  if (has("\\")) return "; folders are separated by /";
  return {};
}

}  // namespace moesim

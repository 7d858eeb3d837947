#include "analysis/tensorboard/event_file.hpp"

#include "sim/core/error.hpp"
#include "sim/io/publish.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kBuffer = 1 << 20;
constexpr std::string_view kOurs = ".moesim.";

// Returns the file name. TensorBoard reads every file with "tfevents" in its name, in the order of
// names.
std::string name_of(double begun, int number) {
  return fmt::format("events.out.tfevents.{:010.0f}{}{:03}", begun, kOurs, number);
}

// Returns the event files written by moesim, by number.
std::vector<std::pair<int, fs::path>> files_in(const std::string& folder) {
  std::vector<std::pair<int, fs::path>> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename();
    const std::size_t at = name.rfind(kOurs);
    if (!name.starts_with("events.out.tfevents.") || at == std::string::npos) continue;
    int number = 0;
    const char* end = name.data() + name.size();
    if (std::from_chars(name.data() + at + kOurs.size(), end, number).ptr == end)
      files.emplace_back(number, entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// SameContent checks whether a file consists of exactly these bytes, which arrive in pieces.
class SameContent {
 public:
  explicit SameContent(const fs::path& path) : file_(path, std::ios::binary) {}

  void take(std::string_view piece) {
    std::string read(piece.size(), '\0');
    same_ = same_ && file_.read(read.data(), static_cast<std::streamsize>(read.size())) &&
            read == piece;
  }
  bool at_end() { return same_ && file_.peek() == std::ifstream::traits_type::eof(); }

 private:
  std::ifstream file_;
  bool same_ = true;
};

// Writes records in pieces of about 1 MB; returns the number of events.
std::size_t write_events(const NewRows& rows, std::string buffer,
                         const std::function<void(std::string_view)>& take) {
  std::size_t events = 0;
  each_event(rows, [&](const Event& event) {
    buffer += record_of(event);
    ++events;
    if (buffer.size() < kBuffer) return;
    take(buffer);
    buffer.clear();
  });
  if (!buffer.empty()) take(buffer);
  return events;
}

}  // namespace

void EventFile::begin(const NewRows& rows) {
  std::error_code problem;
  fs::create_directories(folder_, problem);
  if (problem) cannot_write(folder_, problem.value());
  const std::vector<std::pair<int, fs::path>> before = files_in(folder_);
  const std::string start = beginning(rows.begun);
  if (before.size() == 1 && before[0].second.filename() == name_of(rows.begun, before[0].first)) {
    SameContent content(before[0].second);
    size_ = 0;
    write_events(rows, start, [&](std::string_view piece) {
      content.take(piece);
      size_ += piece.size();
    });
    path_ = before[0].second;
    if (content.at_end()) return;
  }
  path_ = fs::path(folder_) / name_of(rows.begun, before.empty() ? 0 : before.back().first + 1);
  size_ = 0;
  publish_pieces(path_, [&](const std::function<void(std::string_view)>& take) {
    events_ += write_events(rows, start, [&](std::string_view piece) {
      take(piece);
      size_ += piece.size();
    });
  });
  for (const auto& [number, path] : before) fs::remove(path, problem);
}

bool EventFile::append(const NewRows& rows) {
  const int file = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  struct stat status {};
  if (file < 0 || ::fstat(file, &status) != 0 ||
      static_cast<std::uint64_t>(status.st_size) != size_) {
    if (file >= 0) ::close(file);
    return false;
  }
  int reason = 0;
  std::uint64_t written = 0;
  const std::size_t events = write_events(rows, "", [&](std::string_view piece) {
    if (reason == 0) reason = write_all(file, piece);
    written += piece.size();
  });
  if (reason != 0 && ::ftruncate(file, static_cast<off_t>(size_)) != 0) reason = errno;
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason != 0) cannot_write(path_, reason);
  size_ += written;
  events_ += events;
  return true;
}

}  // namespace moesim

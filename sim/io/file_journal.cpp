#include "sim/io/file_journal.hpp"

#include <filesystem>
#include <sys/stat.h>

namespace moesim {
namespace {

thread_local FileJournal* current_journal = nullptr;

std::int64_t nanoseconds(const timespec& time) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return static_cast<std::int64_t>(time.tv_sec) * kSecond + time.tv_nsec;
}

}  // namespace

FileStamp stamp_of(const std::string& path, const struct stat& status) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  return {error ? path : absolute.string(),
          static_cast<std::uint64_t>(status.st_size),
          static_cast<std::uint64_t>(status.st_ino),
          static_cast<std::uint64_t>(status.st_dev),
          nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

FileJournal::FileJournal() : outer_(current_journal) { current_journal = this; }

FileJournal::~FileJournal() { current_journal = outer_; }

void FileJournal::note(const std::string& path, const struct stat& status) {
  files_.push_back(stamp_of(path, status));
}

FileJournal* FileJournal::current() { return current_journal; }

}  // namespace moesim

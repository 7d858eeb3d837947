// Which files a thread has read, as they were when it opened them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct stat;

namespace moesim {

// What tells, without reading it, that a file is still the same one: unchanged since then.
struct FileStamp {
  std::string path;  // absolute
  std::uint64_t size = 0, inode = 0, device = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds since 1970, by the file system's clock

  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const std::string& path, const struct stat& status);

// Notes every InputFile that this thread opens while it lives; the inner one of two does.
class FileJournal {
 public:
  FileJournal();
  ~FileJournal();
  FileJournal(const FileJournal&) = delete;
  FileJournal& operator=(const FileJournal&) = delete;

  void note(const std::string& path, const struct stat& status);
  const std::vector<FileStamp>& files() const { return files_; }

  static FileJournal* current();  // of this thread, or null

 private:
  std::vector<FileStamp> files_;
  FileJournal* outer_;
};

}  // namespace moesim

// FileJournal records which files a thread opens, with their size, times and inode.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

struct stat;

namespace moesim {

// FileStamp identifies a file and its version without reading it: equal stamps mean that the file
// has not changed.
struct FileStamp {
  std::string path;  // absolute
  std::uint64_t size = 0, inode = 0, device = 0;
  std::int64_t modified = 0, changed = 0;  // nanoseconds since 1970, by the file system's clock

  bool operator==(const FileStamp&) const = default;
};

// The stamp of `path` with the result of stat().
FileStamp stamp_of(const std::string& path, const struct stat& status);

// FileJournal records every InputFile that its thread opens during the journal's lifetime. Of
// nested journals only the innermost records.
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

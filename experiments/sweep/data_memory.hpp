// DataMemory is a cache on disk of the properties of data sets that planning uses: DatasetInfo and
// the options that were read. An entry is valid while its files are unchanged in size, times, inode
// and device; a plan then reads none of them. Training always reads the files and compares the
// hash.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/io/file_journal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// ReadOption is an option that a data set read, with its value.
struct ReadOption {
  OptionInfo info;
  std::string effective;
};

// KnownData is an entry of the cache.
struct KnownData {
  DatasetInfo info;
  std::vector<ReadOption> options;
};

struct DataMemory {
  std::string folder;                                  // "": no cache
  std::uint64_t least_bytes = std::uint64_t{1} << 20;  // smaller data are faster to read again
  // A file that changed less than this before it was read could change again with the same time,
  // because file systems have clock steps of up to two seconds.
  double settled_seconds = 2;
};

// The cache in $XDG_CACHE_HOME/moesim, or in ~/.cache/moesim.
DataMemory user_memory();

// Looks up a data set; `key` is everything that determines it except the contents of its files.
// Nothing for an entry that is damaged, outdated or of another build.
std::optional<KnownData> recall(const DataMemory& memory, const std::string& key);
// Stores a data set. Never throws: a full or missing disk only costs time. `patterns`: whether the
// files were found by a pattern or in a folder, so that new files may join them.
void remember(const DataMemory& memory, const std::string& key, const KnownData& data,
              const std::vector<FileStamp>& files, bool patterns, std::int64_t began);
void forget(const DataMemory& memory, const std::string& key);

// The current time in nanoseconds since 1970.
std::int64_t clock_now();

}  // namespace moesim

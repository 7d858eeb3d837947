// What a plan needs of a data set, kept from one start to the next: what it says about itself, and
// which options it read. Good for as long as its files are the same by size, times, inode and
// device; a plan then reads none of them. Training reads them all, and compares their hash.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/io/file_journal.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// An option that a data set read, and its value then.
struct ReadOption {
  OptionInfo info;
  std::string effective;
};

struct KnownData {
  DatasetInfo info;
  std::vector<ReadOption> options;
};

struct DataMemory {
  std::string folder;                                  // "": nothing is kept
  std::uint64_t least_bytes = std::uint64_t{1} << 20;  // less is read faster than it is looked up
  // A file that changed less than this before it was read may change again unseen: clocks of file
  // systems have steps of up to two seconds.
  double settled_seconds = 2;
};

// $XDG_CACHE_HOME/moesim, or ~/.cache/moesim.
DataMemory user_memory();

// `key`: all that determines the data, but for the contents of files. What is damaged, changed or
// of another build is not known.
std::optional<KnownData> recall(const DataMemory& memory, const std::string& key);
// Never throws: a disk that is full or not there only costs time. `patterns`: does the number of
// files depend on what else is in their folders?
void remember(const DataMemory& memory, const std::string& key, const KnownData& data,
              const std::vector<FileStamp>& files, bool patterns, std::int64_t began);
void forget(const DataMemory& memory, const std::string& key);

// Nanoseconds since 1970.
std::int64_t clock_now();

}  // namespace moesim

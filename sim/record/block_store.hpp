// The finished blocks of a run, one after the other, in a file that only grows, or in memory.
//
// A checkpoint refers to the first so many bytes of the file, so that no checkpoint writes again
// what an earlier one has written. Each block has a header with the name of its variable, so that
// the file alone tells what is in it.
#pragma once

#include "sim/io/sha256.hpp"
#include "sim/record/run_file.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

class BlockStore {
 public:
  BlockStore() = default;  // in memory
  // In the first `bytes` of a file, which is opened, and cut off there, with the first block that
  // is added. Its folder is made if need be.
  explicit BlockStore(std::string path, std::uint64_t bytes = 0);
  ~BlockStore();
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  // Throws Exit::output.
  RowBlock add(const std::string& variable, const std::string& leaf, std::string_view chunk);
  // The chunk. Throws Exit::data if the file has become shorter.
  std::string read(const RowBlock& block) const;
  // What is there so far, by variable. Throws Exit::data if it is no such file.
  std::map<std::string, std::vector<RowBlock>> blocks() const;

  // Bytes so far, headers included, and their SHA-256.
  std::uint64_t size() const { return size_; }
  std::string sha256();
  // Everything is on disk after this. Throws Exit::output.
  void sync();

 private:
  void open();
  std::string bytes_at(std::uint64_t offset, std::uint64_t size) const;

  std::string path_;    // "": in memory
  std::string memory_;  // then
  int file_ = -1;
  std::uint64_t size_ = 0, summed_ = 0;
  Sha256 sum_;  // of the first `summed_` bytes
};

}  // namespace moesim

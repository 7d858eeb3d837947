// BlockStore is an append-only sequence of the finished blocks of a run, in a file or in memory.
//
// A checkpoint refers to a prefix of the file, so no checkpoint writes again what an earlier one
// has written. Each block has a header with the name of its variable, so the file describes itself.
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
  // In a file, of which the first `bytes` are kept. Adding the first block creates the folder if
  // necessary, opens the file and truncates it there.
  explicit BlockStore(std::string path, std::uint64_t bytes = 0);
  ~BlockStore();
  BlockStore(const BlockStore&) = delete;
  BlockStore& operator=(const BlockStore&) = delete;

  // Appends a block. Throws Exit::output.
  RowBlock add(const std::string& variable, const std::string& leaf, std::string_view chunk);
  // Returns the chunk of a block. Throws Exit::data if the file was truncated.
  std::string read(const RowBlock& block) const;
  // All blocks so far, by variable. Throws Exit::data if the file has another format.
  std::map<std::string, std::vector<RowBlock>> blocks() const;

  // Size in bytes, with headers, and SHA-256 of these bytes.
  std::uint64_t size() const { return size_; }
  std::string sha256();
  // Flushes everything to disk. Throws Exit::output.
  void sync();

 private:
  void open();
  std::string bytes_at(std::uint64_t offset, std::uint64_t size) const;

  std::string path_;    // "": in memory
  std::string memory_;  // the blocks, in that case
  int file_ = -1;
  std::uint64_t size_ = 0, summed_ = 0;
  Sha256 sum_;  // hash of the first `summed_` bytes
};

}  // namespace moesim

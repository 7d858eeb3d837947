// ImageContent is an HDF5 file in memory: the metadata that HDF5 wrote, plus references to chunks
// in a BlockStore. HDF5 writes into it through a custom file driver, so it never touches the disk
// and memory never holds all chunks.
#pragma once

#include "sim/record/block_store.hpp"
#include "sim/record/hdf5.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

class ImageContent {
 public:
  explicit ImageContent(std::shared_ptr<const BlockStore> store) : store_(std::move(store)) {}

  // Access properties with which H5Fcreate writes here. The ImageContent must outlive the file.
  hdf5::Handle access();

  // Announces the next write of HDF5: the chunk in `bytes`, which is also stored as `block`.
  void lend(std::string_view bytes, const RowBlock& block) { lent_ = bytes, block_ = block; }

  std::uint64_t size() const { return end_; }
  // Calls part() with consecutive pieces of the file.
  void each(const std::function<void(std::string_view)>& part) const;

  // Called by the driver.
  void write(std::uint64_t at, std::string_view bytes);
  bool read(std::uint64_t at, char* bytes, std::size_t size) const;
  std::uint64_t written() const { return written_; }
  void resize(std::uint64_t end) { end_ = end; }

 private:
  static constexpr std::size_t kPage = 4096;

  std::shared_ptr<const BlockStore> store_;
  std::map<std::uint64_t, RowBlock> chunks_;          // by address
  std::map<std::uint64_t, std::vector<char>> pages_;  // by address / kPage
  std::uint64_t end_ = 0, written_ = 0;
  std::string_view lent_;
  RowBlock block_;
};

}  // namespace moesim

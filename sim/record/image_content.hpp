// The bytes of an HDF5 file that is not on disk yet: what HDF5 wrote, and, by reference, chunks
// that lie in a BlockStore. HDF5 writes into it through a driver of ours, so that it meets no disk,
// and so that memory holds what describes the chunks, but not the chunks.
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

  // Access properties with which H5Fcreate writes here. This must outlive the file.
  hdf5::Handle access();

  // HDF5 is about to write the chunk in `bytes`, which are those of `block`.
  void lend(std::string_view bytes, const RowBlock& block) { lent_ = bytes, block_ = block; }

  std::uint64_t size() const { return end_; }
  // All of it, in order, piece by piece.
  void each(const std::function<void(std::string_view)>& part) const;

  // For the driver.
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

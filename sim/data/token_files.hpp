// Token ids in files, as nanoGPT (.bin: numbers of 16 or 32 bits and nothing else), NumPy (.npy)
// and Megatron-LM (.bin with .idx) write them.
//
// Windows are read from the file when a batch asks for them, so that a file of any size takes no
// memory. That is done by pread and not through a memory map: a file that becomes shorter while it
// is in use is an error in one line then, not a SIGBUS, and pages that were read count for the
// cache of the system, not for the process.
#pragma once

#include "sim/data/corpus.hpp"
#include "sim/data/id_type.hpp"
#include "sim/data/windows.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// True of a folder as nanoGPT's prepare.py leaves it, with train.bin and val.bin.
bool holds_both_splits(const std::string& folder);

// The largest vocabulary that files may have: mistaken types would give any number.
inline constexpr index kMostIds = index{1} << 22;

class TokenFiles final : public TokenRow {
 public:
  // The files that a part names; their tokens follow one another in the order of their names, those
  // of an array row by row. A folder means its *.bin and *.npy; PREFIX, PREFIX.bin and PREFIX.idx
  // are one data set of Megatron; a folder of both splits is refused. `dtype` is the type in files
  // that do not say it: "auto" for uint16 unless the file looks like something else. Throws
  // Exit::data with what was expected and what was found.
  TokenFiles(const CorpusPart& part, const std::string& dtype);

  index size() const override { return size_; }
  std::uint64_t bytes() const { return bytes_; }  // of all ids

  // Throws Exit::data for an id below 0 or not below `limit`; the file and the place are named.
  void append_to(std::vector<std::int32_t>& ids, index first, index count) const override;
  // `reason` tells where the limit comes from.
  void limit_ids(index limit, const std::string& reason);

 private:
  struct File {
    explicit File(const std::string& path) : file(path) {}
    InputFile file;
    const IdType* type = nullptr;
    std::uint64_t begin = 0;  // of its ids, in bytes
  };
  struct Piece {
    std::size_t file;
    std::uint64_t begin;  // in bytes
    index first, count;   // in the row
  };
  void add(const std::string& path, const std::string& dtype);
  void add_megatron(const std::string& bin, const InputFile& index_file, const std::string& dtype);
  void add_piece(std::uint64_t begin, index count);
  [[noreturn]] void refuse(const File& file, std::uint64_t at, std::int64_t id) const;

  std::vector<std::unique_ptr<File>> files_;
  std::vector<Piece> pieces_;
  index size_ = 0, limit_ = kMostIds;
  std::string reason_ = "the most that are read; is data.dtype right?";
  std::uint64_t bytes_ = 0;
};

}  // namespace moesim

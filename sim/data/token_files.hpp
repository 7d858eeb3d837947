// TokenFiles reads token ids from the files of nanoGPT (.bin: raw 16- or 32-bit integers), NumPy
// (.npy) and Megatron-LM (.bin with .idx).
//
// A window is read from the file when a batch contains it, so files of any size take no memory. It
// is read with pread, not through a memory map: a file truncated during training then causes a
// one-line error instead of SIGBUS, and cached pages do not count as memory of the process.
#pragma once

#include "sim/data/corpus.hpp"
#include "sim/data/id_type.hpp"
#include "sim/data/windows.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

// True for a folder with train.bin and val.bin, as nanoGPT's prepare.py writes it.
bool holds_both_splits(const std::string& folder);

// The largest vocabulary of files; larger ids most likely mean a wrong type.
inline constexpr index kMostIds = index{1} << 22;

class TokenFiles final : public TokenRow {
 public:
  // Opens the files of a part and concatenates them in the order of their names, arrays row by row.
  // A folder means its *.bin and *.npy; PREFIX, PREFIX.bin and PREFIX.idx name one data set of
  // Megatron; a folder with both splits is refused. `dtype` is the type of files without a header;
  // "auto": uint16 unless the file looks like another type. Throws Exit::data with expected and
  // found values.
  TokenFiles(const CorpusPart& part, const std::string& dtype);

  index size() const override { return size_; }
  std::uint64_t bytes() const { return bytes_; }  // of all ids

  // Throws Exit::data, naming file and offset, for an id that is not in 0 .. limit - 1.
  void append_to(std::vector<std::int32_t>& ids, index first, index count) const override;
  // Sets that limit; `reason` is its origin, for messages.
  void limit_ids(index limit, const std::string& reason);

 private:
  struct File {
    explicit File(const std::string& path) : file(path) {}
    InputFile file;
    const IdType* type = nullptr;
    std::uint64_t begin = 0;  // offset of its ids, in bytes
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

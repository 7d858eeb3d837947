// Sha256 computes the SHA-256 hash of bytes, as 64 lower-case hex digits or as 32 bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace moesim {

// Sha256 hashes bytes that are added piece by piece.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view bytes);
  // The hash of everything added so far.
  std::string hex() const;
  std::string bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(const void* data, std::size_t bytes);

// The hash of a whole file, read in slices. Throws as InputFile does (sim/io/file.hpp).
std::string sha256_of_file(const std::string& path);

inline bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace moesim

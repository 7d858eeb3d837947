// SHA-256 as 64 lower-case hex digits, or as its 32 bytes.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace moesim {

// Of bytes that come in pieces.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void add(std::string_view bytes);
  // Of what was added so far.
  std::string hex() const;
  std::string bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(const void* data, std::size_t bytes);

// Of a whole file, read in slices. Throws as InputFile does (sim/io/file.hpp).
std::string sha256_of_file(const std::string& path);

inline bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

}  // namespace moesim

// safetensors, the format in which the field exchanges weights: eight bytes with the length of a
// JSON header, the header, raw little-endian values (github.com/huggingface/safetensors).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// A named array whose bytes are somewhere else.
struct TensorView {
  std::string name;
  std::string dtype;                // "F32", "F64", ...
  std::vector<std::int64_t> shape;  // row-major
  std::string_view bytes;
};

struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<TensorView> tensors;  // in the order of their bytes
};

// The file in pieces: the header, then the bytes of every tensor, which are not copied. `header`
// keeps the first piece alive.
std::vector<std::string_view> safetensors_pieces(const TensorFile& file, std::string& header);

// Checks everything before it believes it: a header of at most 16 MB, known types, sizes that match
// shapes, names that occur once, bytes in order, without gaps and all inside. The views point into
// `bytes`. Throws std::runtime_error with the reason.
TensorFile read_safetensors(std::string_view bytes);

}  // namespace moesim

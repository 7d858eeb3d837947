// Reads and writes safetensors, the common format for weights: eight bytes with the length of a
// JSON header, the header, raw little-endian values (github.com/huggingface/safetensors).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// TensorView is a named array that refers to bytes elsewhere.
struct TensorView {
  std::string name;
  std::string dtype;                // "F32", "F64", ...
  std::vector<std::int64_t> shape;  // row-major
  std::string_view bytes;
};

// TensorFile is the content of a safetensors file.
struct TensorFile {
  std::map<std::string, std::string> metadata;
  std::vector<TensorView> tensors;  // in the order of their bytes
};

// The bytes of the file in pieces: the header, then every tensor without copying. `header` owns the
// first piece and must outlive it.
std::vector<std::string_view> safetensors_pieces(const TensorFile& file, std::string& header);

// Parses an untrusted file. Checks that the header has at most 16 MB, types are known, sizes match
// shapes, names are distinct, and the tensors' bytes are in order, without gaps and inside the
// file. The views point into `bytes`. Throws std::runtime_error with the reason.
TensorFile read_safetensors(std::string_view bytes);

}  // namespace moesim

// Fuzzes safetensors files. An input is read as it is, and also as a header up to its first NUL
// with data after it; the header's length is then prepended, because a mutated header would
// otherwise have a wrong length.
#include "sim/checkpoint/safetensors.hpp"

#include "tests/fuzz/support.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace moesim::fuzz {
namespace {

std::string bytes_of(const TensorFile& file) {
  std::string header, bytes;
  for (const std::string_view piece : safetensors_pieces(file, header)) bytes += piece;
  return bytes;
}

// Even those of no bytes: a view that points elsewhere is a trap for whoever compares pointers.
bool is_inside(std::string_view view, std::string_view bytes) {
  const std::less_equal<> at_most;
  return at_most(bytes.data(), view.data()) &&
         at_most(view.data() + view.size(), bytes.data() + bytes.size());
}

void check_same(const TensorFile& one, const TensorFile& other) {
  expect(one.metadata == other.metadata, "metadata read back");
  expect(one.tensors.size() == other.tensors.size(), "as many tensors read back");
  for (std::size_t i = 0; i < one.tensors.size(); ++i) {
    const TensorView &a = one.tensors[i], &b = other.tensors[i];
    expect(a.name == b.name && a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes,
           "a tensor reads back: " + a.name);
  }
}

void read(std::string_view bytes) {
  TensorFile file;
  try {
    file = read_safetensors(bytes);
  } catch (const std::runtime_error& problem) {
    expect(problem.what()[0] != '\0', "an error says what is wrong");
    return;
  }
  for (const TensorView& tensor : file.tensors) {
    expect(is_inside(tensor.bytes, bytes), "a view is inside: " + tensor.name);
    for (const std::int64_t size : tensor.shape) expect(size >= 0, "a size is not negative");
  }
  const std::string again = bytes_of(file);
  check_same(file, read_safetensors(again));
  expect(bytes_of(read_safetensors(again)) == again, "what was written is written the same");
}

void run(std::string_view input) {
  read(input);
  const std::size_t end = std::min(input.find('\0'), input.size());
  const std::uint64_t length = end;
  std::string framed(reinterpret_cast<const char*>(&length), sizeof length);
  framed += input.substr(0, end);
  if (end < input.size()) framed += input.substr(end + 1);
  read(framed);
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}

#include "sim/data/npy.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace moesim {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kNpyMagic = "\x93NUMPY"sv;
constexpr std::size_t kMostHeader = std::size_t{1} << 16;  // NumPy writes about 100 bytes
constexpr std::size_t kMostSizes = 8;

// Parses the dictionary that numpy.save writes: 'descr' is a string, 'fortran_order' True or False,
// 'shape' a tuple of integers. Any other Python is refused.
class Header {
 public:
  explicit Header(std::string_view text) : text_(text) {}

  std::string descr;
  std::optional<bool> fortran;
  std::optional<std::vector<index>> shape;

  // False if the text is not such a dictionary.
  bool read() {
    if (!take("{")) return false;
    while (!take("}")) {
      std::string key;
      if (!quoted(key) || !take(":")) return false;
      if (key == "descr") {
        // For a structured array it is a list.
        if (!quoted(descr)) return descr = "a structured type", true;
      } else if (key == "fortran_order") {
        if (take("True"))
          fortran = true;
        else if (take("False"))
          fortran = false;
        else
          return false;
      } else if (key == "shape") {
        if (!tuple()) return false;
      } else {
        return false;
      }
      if (!take(",") && !peek("}")) return false;
    }
    return !descr.empty() && fortran && shape;
  }

 private:
  void skip_space() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\n'))
      text_.remove_prefix(1);
  }
  bool peek(std::string_view word) {
    skip_space();
    return text_.starts_with(word);
  }
  bool take(std::string_view word) {
    if (!peek(word)) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool quoted(std::string& to) {
    const char quote = peek("'") ? '\'' : '"';
    if (!take(std::string_view(&quote, 1))) return false;
    const std::size_t end = text_.find(quote);
    if (end == text_.npos) return false;
    to = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return true;
  }
  bool tuple() {
    if (!take("(")) return false;
    shape.emplace();
    while (!take(")")) {
      skip_space();
      std::size_t digits = 0;
      while (digits < text_.size() && text_[digits] >= '0' && text_[digits] <= '9') ++digits;
      index size = 0;
      if (digits == 0 || shape->size() == kMostSizes ||
          config::parse(text_.substr(0, digits), size) != std::errc{})
        return false;
      shape->push_back(size);
      text_.remove_prefix(digits);
      take("L");  // suffix of long integers in Python 2
      if (!take(",") && !peek(")")) return false;
    }
    return true;
  }

  std::string_view text_;
};

[[noreturn]] void refuse_npy(const std::string& where, const std::string& expected,
                             const std::string& found) {
  fail(Exit::data, fmt::format("{}: expected {}, found {}", where, expected, found));
}

}  // namespace

bool is_npy(std::string_view begin) { return begin.starts_with(kNpyMagic); }

std::string shape_text(const std::vector<index>& shape) {
  std::string text;
  for (const index size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "one number" : text;
}

NpyHeader npy_header(const std::string& where, std::string_view start, std::uint64_t bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(start[i]); };
  const int version = start.size() < 7 ? 0 : byte(6);
  const std::size_t before = version == 1 ? 10 : 12;
  if (!is_npy(start) || start.size() < before)
    refuse_npy(where, "the header of a NumPy array", "another file");
  if (version < 1 || version > 3)
    refuse_npy(where, "a NumPy array of version 1 to 3", fmt::format("version {}", version));
  std::uint64_t length = byte(8) | byte(9) << 8;
  if (version > 1) length |= std::uint64_t{byte(10)} << 16 | std::uint64_t{byte(11)} << 24;
  if (length > kMostHeader || length > bytes - before)
    refuse_npy(where,
               fmt::format("a header of at most {} bytes",
                           std::min<std::uint64_t>(kMostHeader, bytes - before)),
               fmt::format("one of {}, by its own account", length));
  const std::string_view text = start.substr(before, length);

  Header dictionary(text);
  if (!dictionary.read())
    refuse_npy(where, "the header that numpy.save writes",
               fmt::format("'{}'", config::printable(text, 100)));
  if (!dictionary.shape || !dictionary.fortran)  // reading ends at a structured type
    refuse_npy(where, "numbers of one type", dictionary.descr);
  NpyHeader header{dictionary.descr, *dictionary.shape, 1, before + length};
  if (*dictionary.fortran && header.shape.size() > 1)
    refuse_npy(where, "an array in the order of C",
               "Fortran's; write numpy.ascontiguousarray(array)");
  for (const index size : header.shape)
    if (__builtin_mul_overflow(header.count, size, &header.count))
      refuse_npy(where, "as many numbers as the shape says",
                 shape_text(header.shape) + ", more than 64 bits");
  if (header.shape.empty() || header.count == 0)
    refuse_npy(where, "an array of numbers", shape_text(header.shape));
  return header;
}

bool NpyHeader::is_of(std::string_view code) const {
  return std::string_view(descr).substr(std::min<std::size_t>(1, descr.size())) == code &&
         (descr.front() == '<' || (descr.front() == '|' && code.ends_with('1')));
}

void NpyHeader::require_size(const std::string& where, std::uint64_t bytes, int bytes_each) const {
  const auto each = static_cast<std::uint64_t>(bytes_each);
  if (static_cast<std::uint64_t>(count) != (bytes - begin) / each || (bytes - begin) % each != 0)
    refuse_npy(where,
               fmt::format("{} = {} numbers of {} bytes, as its header says", shape_text(shape),
                           count, bytes_each),
               fmt::format("{} bytes", bytes - begin));
}

NpyArray npy_array(const InputFile& file) {
  std::string start(std::min<std::uint64_t>(kMostNpyHeader, file.bytes()), '\0');
  file.read_at(0, start.data(), start.size());
  const NpyHeader header = npy_header(file.path(), start, file.bytes());
  NpyArray array{nullptr, header.shape, header.count, header.begin};
  for (const IdType& type : kIdTypes)
    if (header.is_of(type.numpy)) array.type = &type;
  if (array.type == nullptr)
    refuse_npy(
        file.path(), "whole numbers, the low byte first",
        fmt::format("'{}'; write array.astype('<i4'), say", config::printable(header.descr)));
  header.require_size(file.path(), file.bytes(), array.type->bytes);
  return array;
}

}  // namespace moesim

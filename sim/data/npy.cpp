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

}  // namespace

bool is_npy(std::string_view begin) { return begin.starts_with(kNpyMagic); }

std::string shape_text(const std::vector<index>& shape) {
  std::string text;
  for (const index size : shape) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text.empty() ? "one number" : text;
}

NpyArray npy_array(const InputFile& file) {
  const auto refuse = [&file](const std::string& expected, const std::string& found) {
    fail(Exit::data, fmt::format("{}: expected {}, found {}", file.path(), expected, found));
  };
  unsigned char start[12] = {};
  const std::size_t known = std::min<std::uint64_t>(sizeof start, file.bytes());
  file.read_at(0, start, known);
  const int version = start[6];
  const std::size_t before = version == 1 ? 10 : 12;
  if (!is_npy({reinterpret_cast<const char*>(start), known}) || known < before)
    refuse("the header of a NumPy array", "another file");
  if (version < 1 || version > 3)
    refuse("a NumPy array of version 1 to 3", fmt::format("version {}", version));
  std::uint64_t length = start[8] | start[9] << 8;
  if (version > 1) length |= std::uint64_t{start[10]} << 16 | std::uint64_t{start[11]} << 24;
  if (length > kMostHeader || length > file.bytes() - before)
    refuse(fmt::format("a header of at most {} bytes",
                       std::min<std::uint64_t>(kMostHeader, file.bytes() - before)),
           fmt::format("one of {}, by its own account", length));
  std::string text(length, '\0');
  file.read_at(before, text.data(), text.size());

  Header header(text);
  if (!header.read())
    refuse("the header that numpy.save writes", fmt::format("'{}'", config::printable(text, 100)));
  NpyArray array;
  for (const IdType& type : kIdTypes)
    if (header.descr == std::string("<") + type.numpy ||
        (type.bytes == 1 && header.descr == std::string("|") + type.numpy))
      array.type = &type;
  if (array.type == nullptr)
    refuse("whole numbers, the low byte first",
           fmt::format("'{}'; write array.astype('<i4'), say", config::printable(header.descr)));
  array.shape = *header.shape;
  if (*header.fortran && array.shape.size() > 1)
    refuse("an array in the order of C", "Fortran's; write numpy.ascontiguousarray(array)");
  array.begin = before + length;
  const std::uint64_t there =
      (file.bytes() - array.begin) / static_cast<std::uint64_t>(array.type->bytes);
  index count = 1;
  for (const index size : array.shape)
    if (__builtin_mul_overflow(count, size, &count))
      refuse("as many numbers as the shape says", shape_text(array.shape) + ", more than 64 bits");
  if (array.shape.empty() || count == 0) refuse("an array of numbers", shape_text(array.shape));
  array.count = count;
  if (static_cast<std::uint64_t>(count) != there ||
      (file.bytes() - array.begin) % static_cast<std::uint64_t>(array.type->bytes) != 0)
    refuse(fmt::format("{} = {} numbers of {} bytes, as its header says", shape_text(array.shape),
                       count, array.type->bytes),
           fmt::format("{} bytes", file.bytes() - array.begin));
  return array;
}

}  // namespace moesim

#include "sim/data/doubtful.hpp"

#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>

namespace moesim {
namespace {

constexpr std::string_view kSeparators = " \t\r\n,;[]()";
constexpr std::string_view kOfNumbers = "0123456789+-.eE:/T";

bool is_one_of(std::string_view set, char c) { return set.find(c) != set.npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Skips the first line, which may name the columns of a table.
std::string_view without_header(std::string_view text) {
  const std::size_t end = text.find('\n');
  if (end == text.npos) return text;
  const std::string_view line = text.substr(0, end);
  const bool columns = line.find_first_of(",;\t") != line.npos;
  return columns && std::none_of(line.begin(), line.end(), is_digit) ? text.substr(end + 1) : text;
}

struct Numbers {
  std::size_t fields = 0, whole = 0, others = 0;  // others: fields that are not numbers
  std::int64_t least = std::numeric_limits<std::int64_t>::max(), most = 0;
};

void count(std::string_view field, Numbers& numbers) {
  constexpr std::size_t kLongest = 40;  // more digits are one long number, such as pi
  ++numbers.fields;
  const auto digits = std::count_if(field.begin(), field.end(), is_digit);
  const bool number =
      field.size() <= kLongest && 2 * static_cast<std::size_t>(digits) >= field.size() &&
      std::all_of(field.begin(), field.end(), [](char c) { return is_one_of(kOfNumbers, c); });
  if (!number) {
    ++numbers.others;
    return;
  }
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc{} || stop != field.data() + field.size() || value < 0) return;
  ++numbers.whole;
  numbers.least = std::min(numbers.least, value);
  numbers.most = std::max(numbers.most, value);
}

Numbers numbers_in(std::string_view text) {
  Numbers numbers;
  for (std::size_t begin = text.find_first_not_of(kSeparators); begin < text.size();) {
    const std::size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    count(text.substr(begin, end - begin), numbers);
    begin = text.find_first_not_of(kSeparators, end);
  }
  return numbers;
}

std::string numbers_of(std::string_view text) {
  constexpr std::size_t kLooked = 1 << 20, kFewest = 64;
  // The last field is left out: the megabyte may end inside a number.
  if (text.size() > kLooked) text = text.substr(0, text.find_last_of(kSeparators, kLooked));
  const Numbers numbers = numbers_in(without_header(text));
  // A few fields of a table may be words (NaN, a name); almost none in prose are numbers.
  if (numbers.fields < kFewest || 20 * numbers.others > numbers.fields) return {};
  if (numbers.whole == numbers.fields && numbers.most < (1 << 20))
    return fmt::format(
        "looks like whole numbers from {} to {}, perhaps token ids: their digits are "
        "what is learned; write the text that they were made from",
        numbers.least, numbers.most);
  return "looks like a table of numbers: their digits are what is learned, as text; there is no "
         "data set of numbers but data.name = idx (images)";
}

}  // namespace

std::string doubt_about(std::string_view text) {
  const std::size_t invalid = find_invalid_utf8(text);
  if (invalid == text.npos) return numbers_of(text);
  constexpr std::size_t kLongestLetter = 4;
  if (invalid + kLongestLetter > text.size()) return {};  // truncated in its last character
  const auto high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  const auto before = std::count_if(text.begin(), text.begin() + static_cast<long>(invalid), high);
  if (before > 16)  // a single-byte encoding has not so many valid UTF-8 characters
    return fmt::format(
        "is UTF-8, but for damaged bytes, of which the first is byte {}: all bytes are "
        "learned as they are; iconv -c -f utf-8 -t utf-8 leaves out the damaged ones",
        invalid);
  return fmt::format(
      "is no UTF-8 (byte {} is the first that tells), perhaps Latin-1: its bytes are "
      "learned as they are; iconv -f latin1 -t utf-8 converts it",
      invalid);
}

}  // namespace moesim

// TextStream prints a growing text as valid UTF-8.
#pragma once

#include <ostream>
#include <string>

namespace moesim {

// Replaces invalid UTF-8 with U+FFFD as Unicode recommends: one for each longest prefix of a
// character, otherwise one for each byte.
std::string valid_utf8(const std::string& text);

// Receives texts that each extend the previous one and prints the new part. The total output is
// valid_utf8() of the last text. On a terminal, control characters are printed as "\x1b".
class TextStream {
 public:
  TextStream(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  // last: no further text follows, so an incomplete character at the end is invalid.
  void show(const std::string& text, bool last);

 private:
  std::ostream& out_;
  bool terminal_;
  std::size_t shown_ = 0;
};

}  // namespace moesim

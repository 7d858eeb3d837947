// A text that is written while it grows.
#pragma once

#include <ostream>
#include <string>

namespace moesim {

// The text with U+FFFD for what is no UTF-8, as Unicode recommends it: one for every longest
// beginning of a character, else one for every byte.
std::string valid_utf8(const std::string& text);

// Writes texts of which each begins with the one before. What is written is valid_utf8() of the
// last one, whatever the steps; on a terminal, what could steer it is shown as "\x1b".
class TextStream {
 public:
  TextStream(std::ostream& out, bool terminal) : out_(out), terminal_(terminal) {}
  // last: nothing follows, so a character that is cut off will not be whole.
  void show(const std::string& text, bool last);

 private:
  std::ostream& out_;
  bool terminal_;
  std::size_t shown_ = 0;
};

}  // namespace moesim

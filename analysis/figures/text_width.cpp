#include "analysis/figures/text_width.hpp"

namespace moesim {
namespace {

// Returns the width of a character in font sizes.
double advance(std::string_view character) {
  if (character.size() == 3) return 1.0;  // mostly full-width characters
  if (character.size() > 1) return character.size() == 2 ? 0.66 : 1.0;
  const char c = character[0];
  if (std::string_view("ijl.,:;'|!I ").find(c) != std::string_view::npos) return 0.33;
  if (std::string_view("frt()[]{}-\"`/\\").find(c) != std::string_view::npos) return 0.42;
  if (std::string_view("mwMW%@=+<>~^&").find(c) != std::string_view::npos) return 0.92;
  if (c >= 'A' && c <= 'Z') return 0.72;
  return 0.63;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = start + 1;
    while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    characters.push_back(text.substr(start, end - start));
    start = end;
  }
  return characters;
}

}  // namespace

double text_width(std::string_view text, double size) {
  double width = 0;
  for (const std::string_view character : characters_of(text)) width += advance(character);
  return width * size;
}

std::string shortened(const std::string& text, double size, double width) {
  if (text_width(text, size) <= width) return text;
  const std::vector<std::string_view> characters = characters_of(text);
  std::string begin, end;
  double room = width / size - 1;
  std::size_t first = 0, last = characters.size();
  // Removes one character at the end for every two at the start.
  for (int turn = 0; first < last; ++turn) {
    const std::string_view next = turn % 3 == 2 ? characters[last - 1] : characters[first];
    if ((room -= advance(next)) < 0) break;
    if (turn % 3 == 2)
      end.insert(0, next), --last;
    else
      begin += next, ++first;
  }
  return begin + "…" + end;
}

std::vector<std::string> wrapped(const std::string& text, double size, double width,
                                 std::size_t most) {
  std::vector<std::string> lines;
  std::string rest = text;
  while (lines.size() + 1 < most && text_width(rest, size) > width) {
    std::size_t cut = rest.npos;
    for (std::size_t space = rest.find(' '); space != rest.npos; space = rest.find(' ', space + 1))
      if (space > 0 && text_width(rest.substr(0, space), size) <= width) cut = space;
    if (cut == rest.npos) break;
    lines.push_back(rest.substr(0, cut));
    rest.erase(0, cut + 1);
  }
  lines.push_back(shortened(rest, size, width));
  return lines;
}

}  // namespace moesim

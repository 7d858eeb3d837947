#include "experiments/terminal/text_width.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <sys/ioctl.h>
#include <unistd.h>

namespace moesim {
namespace {

constexpr std::size_t kLeast = 40, kMost = 1000;

}  // namespace

std::size_t text_width() {
  constexpr std::size_t kOtherwise = 100;
  const char* const columns = std::getenv("COLUMNS");
  index set = 0;
  if (columns != nullptr && config::parse(columns, set) == std::errc{} && set > 0)
    return std::clamp(static_cast<std::size_t>(set), kLeast, kMost);
  winsize found{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &found) != 0 || found.ws_col == 0) return kOtherwise;
  return std::clamp<std::size_t>(found.ws_col, kLeast, kMost);
}

std::string wrapped(const std::string& text, std::size_t width, std::size_t indent) {
  const std::size_t room = width > indent + kLeast / 2 ? width - indent : kLeast / 2;
  std::string result;
  std::size_t used = 0;  // columns of the current line
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const std::size_t columns = config::column_of(word, word.size()) - 1;
    if (used > 0 && used + 1 + columns > room) {
      result += "\n" + std::string(indent, ' ');
      used = 0;
    }
    if (used > 0) result += ' ';
    result += word;
    used += columns + (used > 0 ? 1 : 0);
    begin = end + 1;
  }
  return result;
}

std::string wrapped_lines(const std::string& text, std::size_t width) {
  std::string result;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string line = text.substr(begin, end - begin);
    if (!result.empty() || begin > 0) result += '\n';
    const std::size_t first = line.find_first_not_of(' ');
    const std::size_t gap = line.rfind("  ");
    if (first == 0)
      result += wrapped(line, width);
    else if (gap == line.npos || gap < std::min(first, line.size()))
      result += line;
    else
      result += line.substr(0, gap + 2) + wrapped(line.substr(gap + 2), width, gap + 2);
    begin = end + 1;
  }
  return result;
}

std::string named_rows(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t widest = 0;
  for (const auto& [name, about] : rows) widest = std::max(widest, name.size());
  std::string result;
  for (const auto& [name, about] : rows)
    result += "\n  " + name + std::string(widest - name.size() + 2, ' ') + about;
  return result;
}

}  // namespace moesim

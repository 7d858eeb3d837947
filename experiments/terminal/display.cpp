#include "experiments/terminal/display.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>

namespace moesim {
namespace {

constexpr std::size_t kMostKept = 1000;

struct Size {
  std::size_t rows = 24, columns = 80;
};

Size terminal_size() {
  Size size;
  winsize found{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &found) != 0) return size;
  if (found.ws_row > 0) size.rows = found.ws_row;
  if (found.ws_col > 0) size.columns = found.ws_col;
  return size;
}

// Shortens a line to one row. Except for tabs, no character takes more columns than bytes.
std::string fitted(std::string line, std::size_t columns) {
  std::replace(line.begin(), line.end(), '\t', ' ');
  if (line.size() < columns) return line;
  std::size_t end = columns - 1;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0u) == 0x80u) --end;
  return line.substr(0, end);
}

}  // namespace

Display::Display(std::size_t slots) : terminal_(::isatty(STDERR_FILENO) == 1), live_(slots + 1) {}

Display::~Display() {
  if (!stream_.flush(kLastPatience)) return;
  stream_.add(erasure() + kept());
  stream_.flush(kLastPatience);
}

std::string Display::erasure() {
  if (drawn_ == 0) return {};
  std::string text = fmt::format("\r\033[{}A\033[J", drawn_);
  drawn_ = 0;
  return text;
}

std::string Display::kept() {
  std::string text;
  if (left_out_ > 0)
    text = fmt::format("({} lines were not read in time; log.txt has them)\n", left_out_);
  for (const std::string& line : kept_) text += line + "\n";
  kept_.clear();
  left_out_ = 0;
  return text;
}

std::string Display::drawing() {
  if (!terminal_) return {};
  const Size size = terminal_size();
  std::vector<std::string> lines;
  for (const std::string& line : live_)
    if (!line.empty()) lines.push_back(fitted(line, size.columns));
  // Draw only as many lines as fit, because scrolled lines cannot be erased. The last line, the
  // summary, is always drawn.
  if (const std::size_t room = size.rows - 1; room == 0)
    lines.clear();
  else if (lines.size() > room)
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(room) - 1, lines.end() - 1);
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  drawn_ = lines.size();
  return text;
}

void Display::keep(const std::string& line) {
  kept_.push_back(line);
  changed_ = true;
  if (kept_.size() <= kMostKept) return;
  kept_.pop_front();
  ++left_out_;
}

void Display::set(std::size_t slot, const std::string& line) {
  if (live_[slot] == line) return;
  live_[slot] = line;
  changed_ = changed_ || terminal_;
}

void Display::summary(const std::string& line) { set(live_.size() - 1, line); }

void Display::refresh() {
  constexpr std::chrono::milliseconds kNone{0};
  if (!stream_.flush(kNone) || !changed_) return;
  changed_ = false;
  // The order matters: each call depends on the lines drawn so far.
  std::string frame = erasure();
  frame += kept();
  frame += drawing();
  stream_.add(frame);
  stream_.flush(kNone);
}

}  // namespace moesim

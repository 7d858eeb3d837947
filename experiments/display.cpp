#include "experiments/display.hpp"

#include <cstdio>
#include <sys/ioctl.h>
#include <unistd.h>

namespace moesim {
namespace {

std::size_t terminal_width() {
  winsize size{};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : 80;
}

}  // namespace

Display::Display(std::size_t slots) : terminal_(::isatty(STDERR_FILENO) == 1), live_(slots + 1) {}

Display::~Display() { erase(); }

void Display::erase() {
  if (drawn_ == 0) return;
  std::fprintf(stderr, "\033[%zuA\033[J", drawn_);
  std::fflush(stderr);
  drawn_ = 0;
}

void Display::draw() {
  if (!terminal_) return;
  const std::size_t width = terminal_width();
  for (const std::string& line : live_) {
    if (line.empty()) continue;
    std::fprintf(stderr, "%s\n", line.substr(0, width - 1).c_str());
    ++drawn_;
  }
  std::fflush(stderr);
}

void Display::keep(const std::string& line) {
  erase();
  std::fprintf(stderr, "%s\n", line.c_str());
  draw();
}

void Display::set(std::size_t slot, const std::string& line) {
  live_[slot] = line;
  if (!terminal_) return;
  erase();
  draw();
}

void Display::summary(const std::string& line) { set(live_.size() - 1, line); }

}  // namespace moesim

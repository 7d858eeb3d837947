// Tests the progress display of a sweep, also with a stderr that nobody reads.
#include "experiments/terminal/display.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace moesim::testing {
namespace {

// stderr goes elsewhere while it lives.
class Elsewhere {
 public:
  explicit Elsewhere(int file) : before_(::dup(STDERR_FILENO)) { ::dup2(file, STDERR_FILENO); }
  ~Elsewhere() {
    ::dup2(before_, STDERR_FILENO);
    ::close(before_);
  }
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;

 private:
  int before_;
};

struct Ends {
  int read = -1, write = -1;
  void connect() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read = ends[0];
    write = ends[1];
  }
  ~Ends() {
    ::close(read);
    ::close(write);
  }
};

// What there is to read now.
std::string available(int file) {
  std::string text;
  char buffer[1 << 12];
  for (pollfd ready{file, POLLIN, 0}; ::poll(&ready, 1, 0) > 0;) {
    const ssize_t count = ::read(file, buffer, sizeof buffer);
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0, end; (end = text.find('\n', at)) != text.npos; at = end + 1)
    lines.push_back(text.substr(at, end - at));
  return lines;
}

// What a terminal of so many rows holds in the end, with what scrolled out of sight.
std::vector<std::string> shown_by(std::size_t rows, const std::string& text) {
  std::vector<std::string> lines = {""};
  std::size_t row = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') continue;
    if (text[i] == '\n') {
      if (++row == lines.size()) lines.emplace_back();
    } else if (text[i] == '\033' && text[i + 2] != 'J' && text[i + 1] == '[') {
      char* end = nullptr;
      const std::size_t up = std::strtoul(text.c_str() + i + 2, &end, 10);
      const std::size_t top = lines.size() > rows ? lines.size() - rows : 0;
      row = std::max(row < up ? 0 : row - up, top);
      i = static_cast<std::size_t>(end - text.c_str());
    } else if (text[i] == '\033') {
      lines.resize(row + 1);
      lines.back().clear();
      i += 2;
    } else {
      lines[row] += text[i];
    }
  }
  return lines;
}

}  // namespace

TEST_CASE("a stderr that nobody reads keeps nobody waiting", "[experiments]") {
  Ends pipe;
  pipe.connect();
  const bool shared = GENERATE(false, true);  // with a writer that fills it
  const Elsewhere elsewhere(pipe.write);
  if (shared) {
    const int flags = ::fcntl(pipe.write, F_GETFL);
    ::fcntl(pipe.write, F_SETFL, flags | O_NONBLOCK);
    while (::write(pipe.write, "x\n", 2) > 0) {
    }
    ::fcntl(pipe.write, F_SETFL, flags);
  }
  constexpr int kLines = 5000;
  const std::string rest(100, '.');
  std::string text;
  {
    Display display(1);
    for (int i = 0; i < kLines; ++i) {
      display.keep(fmt::format("line {} {}", i, rest));
      display.refresh();
    }
    text = available(pipe.read);
    for (int i = 0; i < 10; ++i) {
      display.refresh();
      text += available(pipe.read);
    }
  }
  text += available(pipe.read);
  REQUIRE((::fcntl(pipe.write, F_GETFL) & O_NONBLOCK) == 0);

  std::size_t left_out = 0, next = 0;
  for (const std::string& line : lines_of(text)) {
    if (line == "x") continue;
    if (line[0] == '(') {
      left_out += std::strtoul(line.c_str() + 1, nullptr, 10);
      next += left_out;
      continue;
    }
    REQUIRE(line == fmt::format("line {} {}", next++, rest));
  }
  CHECK(next == kLines);
  CHECK(left_out > 0);
  CHECK(left_out <= kLines - 1000);
}

TEST_CASE("a display is given up after a moment if nobody reads it", "[experiments]") {
  Ends pipe;
  pipe.connect();
  const Elsewhere elsewhere(pipe.write);
  {
    Display display(1);
    for (int i = 0; i < 2000; ++i) display.keep(std::string(100, '.'));
    display.refresh();
  }
  say_error("the end");
  CHECK(lines_of(available(pipe.read)).size() > 100);
}

TEST_CASE("a display with more workers than the terminal has rows leaves nothing behind",
          "[experiments]") {
  constexpr int kRows = 5;
  Ends terminal;
  terminal.read = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(terminal.read >= 0);
  REQUIRE(::grantpt(terminal.read) == 0);
  REQUIRE(::unlockpt(terminal.read) == 0);
  terminal.write = ::open(::ptsname(terminal.read), O_RDWR | O_NOCTTY | O_CLOEXEC);
  REQUIRE(terminal.write >= 0);
  const winsize size{kRows, 30, 0, 0};
  REQUIRE(::ioctl(terminal.write, TIOCSWINSZ, &size) == 0);

  const Elsewhere elsewhere(terminal.write);
  std::string text;
  {
    Display display(7);
    REQUIRE(display.terminal());
    for (int round = 0; round < 4; ++round) {
      for (std::size_t slot = 0; slot < 7; ++slot)
        display.set(slot, fmt::format("worker {} at step {} with\ta long äöü line", slot, round));
      display.summary(fmt::format("summary {}", round));
      if (round % 2 == 1) display.keep(fmt::format("kept {}", round));
      display.refresh();
      text += available(terminal.read);
      const std::vector<std::string> screen = shown_by(kRows, text);
      REQUIRE(screen[screen.size() - 2] == fmt::format("summary {}", round));
      for (const std::string& line : screen) REQUIRE(line.size() < 30);
    }
  }
  text += available(terminal.read);
  CHECK(shown_by(kRows, text) == std::vector<std::string>{"kept 1", "kept 3", ""});
}

}  // namespace moesim::testing

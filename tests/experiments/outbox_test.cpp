// Tests a worker whose supervisor does not read its messages.
#include "experiments/sweep/outbox.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <csignal>
#include <fcntl.h>
#include <sstream>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

namespace moesim::testing {
namespace {

class TestPipe {
 public:
  TestPipe() {
    REQUIRE(::pipe2(ends_, O_CLOEXEC) == 0);
    ::fcntl(ends_[1], F_SETPIPE_SZ, 4096);  // the least
    ::signal(SIGPIPE, SIG_IGN);
  }
  ~TestPipe() {
    close_reader();
    close_writer();
  }
  int writer() const { return ends_[1]; }
  void close_reader() { close(ends_[0]); }
  void close_writer() { close(ends_[1]); }
  // Lines until the writer is closed.
  std::vector<std::string> lines() {
    std::string text;
    char buffer[1 << 12];
    for (ssize_t count; (count = ::read(ends_[0], buffer, sizeof buffer)) > 0;)
      text.append(buffer, static_cast<std::size_t>(count));
    std::vector<std::string> result;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) result.push_back(line);
    return result;
  }

 private:
  static void close(int& end) {
    if (end >= 0) ::close(end);
    end = -1;
  }
  int ends_[2]{-1, -1};
};

// Ends in a thread of its own, while this one reads.
std::vector<std::string> ended(Outbox& outbox, TestPipe& pipe, const std::string& ending) {
  std::thread last([&] {
    outbox.end(ending);
    pipe.close_writer();
  });
  std::vector<std::string> lines = pipe.lines();
  last.join();
  return lines;
}

TEST_CASE("outbox: every line while there is a reader", "[experiments]") {
  TestPipe pipe;
  Outbox outbox(pipe.writer());
  outbox.keep("one\nline");
  outbox.live("two");
  CHECK(ended(outbox, pipe, "0three") == std::vector<std::string>{"kone line", "ltwo", "e0three"});
}

TEST_CASE("outbox: nobody reads, and nothing waits; the ending is not lost", "[experiments]") {
  TestPipe pipe;
  Outbox outbox(pipe.writer(), 10);
  constexpr int kMany = 10000;  // far more than the pipe holds
  for (int i = 0; i < kMany; ++i) {
    outbox.keep(fmt::format("line {}", i));
    outbox.live(fmt::format("live {}", i));
  }
  CHECK_FALSE(outbox.closed());
  const std::vector<std::string> lines = ended(outbox, pipe, "{stopped");
  CHECK(lines.front() == "kline 0");
  CHECK(lines.back() == "e{stopped");
  // It is preceded by the last ten kept lines and the number of dropped ones.
  REQUIRE(lines.size() > 12);
  int left_out = -1;
  std::size_t kept = 0;
  for (const std::string& line : lines) {
    if (line.starts_with("k(")) left_out = std::stoi(line.substr(2));
    kept += line.starts_with("kline");
  }
  for (int i = 0; i < 10; ++i)
    CHECK(lines[lines.size() - 11 + static_cast<std::size_t>(i)] ==
          fmt::format("kline {}", kMany - 10 + i));
  CHECK(static_cast<int>(kept) + left_out == kMany);
}

TEST_CASE("outbox: a reader that is gone ends the waiting", "[experiments]") {
  TestPipe pipe;
  Outbox outbox(pipe.writer());
  for (int i = 0; i < 2000; ++i) outbox.keep("full");
  CHECK_FALSE(outbox.closed());
  pipe.close_reader();
  outbox.end("0");
  CHECK(outbox.closed());
}

}  // namespace
}  // namespace moesim::testing

#include "experiments/sweep/openmp_environment.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace moesim {
namespace {

constexpr std::string_view kSpace = " \t";
// Smaller stacks crash the worker threads of matrix products (observed at 16K).
constexpr std::size_t kLeastStack = 128 << 10;

std::string_view without_space(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) + 1 - first);
}

// The value of a variable; "" if it is unset or empty.
std::string variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || without_space(value).empty() ? "" : value;
}

[[noreturn]] void reject(const char* name, const std::string& value, const std::string& expected) {
  fail(Exit::usage,
       fmt::format("{}={}: expected {}", name, config::printable(value, 100), expected));
}

template <class Number>
bool is_number(std::string_view text, Number& number) {
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), last, number);
  return error == std::errc{} && stop == last;
}

// Parses "512" (kilobytes) or "16 M". 0 if the text is not a size.
std::size_t bytes_of(std::string_view text) {
  std::size_t unit = 1 << 10;
  if (!text.empty())
    if (const std::size_t found = std::string_view("bkmgBKMG").find(text.back());
        found != std::string_view::npos) {
      unit = std::size_t{1} << 10 * (found % 4);
      text = without_space(text.substr(0, text.size() - 1));
    }
  std::size_t number = 0, bytes = 0;
  if (!is_number(text, number) || __builtin_mul_overflow(number, unit, &bytes)) return 0;
  return bytes;
}

}  // namespace

std::optional<int> environment_threads() {
  constexpr const char* kName = "OMP_NUM_THREADS";
  const std::string value = variable(kName);
  if (value.empty()) return std::nullopt;
  // A list has one number per nesting level; moesim uses only the first level.
  const std::string_view first = without_space(std::string_view(value).substr(0, value.find(',')));
  long threads = 0;
  if (!is_number(first, threads) || threads < 1 || threads > kMostThreads)
    reject(
        kName, value,
        fmt::format("a whole number from 1 to {}; set it to one, or give --threads", kMostThreads));
  return static_cast<int>(threads);
}

ThreadLimit environment_thread_limit() {
  ThreadLimit limit;
  for (const char* name : {"OMP_THREAD_LIMIT", "KMP_DEVICE_THREAD_LIMIT", "KMP_ALL_THREADS"}) {
    const std::string value = variable(name);
    if (value.empty()) continue;
    std::uint64_t threads = 0;
    if (!is_number(without_space(value), threads) || threads < 1)
      reject(name, value, "a whole number from 1 on; set it to one, or unset it");
    if (threads >= static_cast<std::uint64_t>(limit.threads)) continue;
    limit = {static_cast<int>(threads), name};
  }
  return limit;
}

ThreadStack environment_stack() {
  ThreadStack stack;
  for (const char* name : {"OMP_STACKSIZE", "GOMP_STACKSIZE", "KMP_STACKSIZE"}) {
    const std::string value = variable(name);
    if (value.empty()) continue;
    const std::size_t bytes = bytes_of(without_space(value));
    if (bytes < kLeastStack)
      reject(name, value,
             fmt::format("a size of {}K or more, such as 512K or 16M; unset it, and threads have "
                         "the system's default",
                         kLeastStack >> 10));
    if (bytes > stack.bytes) stack = {bytes, std::string(name) + "=" + value};
  }
  return stack;
}

}  // namespace moesim

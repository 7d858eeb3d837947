// Fuzzes the list grammar of sweeps and command lines, and its numbers.
#include "sim/config/list.hpp"
#include "tests/fuzz/support.hpp"

#include <cmath>
#include <vector>

namespace moesim::fuzz {
namespace {

using config::Place;

constexpr std::size_t kMost = 1000;

void check_item(const std::string& item) {
  expect(!item.empty() && config::trimmed(item) == item, "items are trimmed and not empty");
  const std::string canonical = config::canonical(item);
  expect(config::canonical(canonical) == canonical, "the canonical form of itself: " + canonical);
  double value = 0, again = 0;
  if (config::parse(item, value) != std::errc{}) return;
  expect(config::parse(config::shortest(value), again) == std::errc{} && again == value,
         "the shortest text of a number reads back: " + item);
  index whole = 0;
  if (config::parse(item, whole) == std::errc{} && std::abs(value) > 9007199254740992) return;
  expect(config::canonical(config::shortest(value)) == canonical,
         "two ways of writing one number are the same: " + item);
}

void run(std::string_view text) {
  const Place place{"f.ini:1", "a.b", std::string(text)};
  std::vector<std::string> items, again;
  if (!accepts(Exit::usage, [&] { items = config::parse_list(place, kMost); })) return;
  expect(!items.empty() && items.size() <= kMost, "as many items as allowed");
  for (const std::string& item : items) check_item(item);
  accepts(Exit::usage, [&] { config::check_distinct(place, items); });
  const Place counted_out{"f.ini:1", "a.b", joined(items)};
  expect(accepts(Exit::usage, [&] { again = config::parse_list(counted_out, kMost); }) &&
             again == items,
         "a list that was counted out is itself: " + config::printable(counted_out.value, 500));
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}

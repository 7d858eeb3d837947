// Tests the data set "tasks": where targets count, how often tasks are drawn, splits, answers.
#include "sim/data/mixing.hpp"
#include "sim/data/stored.hpp"
#include "sim/data/task_tokenizer.hpp"
#include "tests/data/support.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;
using Values = std::map<std::string, std::string>;

Values with(Values values, const Values& more) {
  values["name"] = "tasks";
  for (const auto& [key, value] : more) values[key] = value;
  return values;
}

std::unique_ptr<Dataset> tasks(const Values& values) { return make_data(with(values, {})); }

// The tokens of a row as text, with what counts in parentheses: "[copy]ab[sep](ab[eos])".
std::string shown(const Dataset& data, const Batch& batch, index row) {
  const auto first = static_cast<std::size_t>(row * batch.length);
  std::string text = data.decode({batch.ids[first]});
  bool inside = false;
  for (std::size_t t = first; t < first + static_cast<std::size_t>(batch.length); ++t) {
    const bool counts = batch.targets[t] >= 0;
    if (counts != inside) text += counts ? "(" : ")";
    inside = counts;
    if (t + 1 < first + static_cast<std::size_t>(batch.length)) {
      if (counts) CHECK(batch.targets[t] == batch.ids[t + 1]);
      text += data.decode({batch.ids[t + 1]});
    } else if (counts) {
      text += data.decode({batch.targets[t]});
    }
  }
  return inside ? text + ")" : text;
}

std::string between(const std::string& text, const std::string& from, const std::string& to) {
  const std::size_t begin = text.find(from) + from.size();
  return text.substr(begin, text.find(to, begin) - begin);
}

// Source and target of a row of one example.
std::pair<std::string, std::string> parts(const Dataset& data, const Batch& batch, index row) {
  const std::string text = shown(data, batch, row);
  return {between(text, "]", "[sep]"), between(text, "[sep](", "[eos]")};
}

}  // namespace

TEST_CASE("tasks: only the target and its end count; the rest is -1", "[data][tasks]") {
  const auto data = tasks({{"tasks", "reverse"}, {"length", "20"}});
  const Batch batch = data->batch(Split::train, 0, 0, 50);
  for (index row = 0; row < batch.batch; ++row) {
    const std::string text = shown(*data, batch, row);
    const std::string source = between(text, "[reverse]", "[sep]");
    const std::string target(source.rbegin(), source.rend());
    CHECK(source.size() >= 4);
    CHECK(source.size() <= 8);
    std::string expected = "[reverse]" + source + "[sep](" + target + "[eos])";
    for (std::size_t n = 2 * source.size() + 3; n < 20; ++n) expected += "[eos]";
    CHECK(text == expected);
  }
  CHECK(std::all_of(batch.domains.begin(), batch.domains.end(), [](auto d) { return d == 0; }));
}

TEST_CASE("tasks: the whole example counts with loss_on = all", "[data][tasks]") {
  const auto data = tasks({{"tasks", "copy"}, {"length", "24"}, {"loss_on", "all"}});
  const Batch batch = data->batch(Split::train, 0, 0, 1);
  const std::string text = shown(*data, batch, 0);
  CHECK(text.starts_with("[copy]("));
  const std::string source = between(text, "](", "[sep]");
  CHECK(text.starts_with("[copy](" + source + "[sep]" + source + "[eos])"));
  const auto counted = std::count_if(batch.targets.begin(), batch.targets.end(),
                                     [](std::int32_t id) { return id >= 0; });
  CHECK(counted == static_cast<std::ptrdiff_t>(2 * source.size() + 2));
}

TEST_CASE("tasks: packed rows are full of examples, of which the last is cut", "[data][tasks]") {
  const auto data = tasks({{"tasks", "copy, sort"}, {"length", "64"}, {"packed", "true"}});
  const Batch batch = data->batch(Split::train, 3, 1, 20);
  for (index row = 0; row < batch.batch; ++row) {
    std::string text = shown(*data, batch, row);
    index examples = 0;
    for (; text.find("[eos])") != text.npos; ++examples) {
      const bool copies = text.starts_with("[copy]");
      CHECK((copies || text.starts_with("[sort]")));
      const std::string source = between(text, "]", "[sep]");
      std::string target = source;
      if (!copies) std::sort(target.begin(), target.end());
      CHECK(between(text, "[sep](", "[eos])") == target);
      text = text.substr(text.find("[eos])") + 6);
    }
    CHECK(examples >= 3);
    CHECK(text.find("[eos][eos]") == text.npos);
  }
  // Validation has one example in each row, as without packing.
  CHECK(
      same(data->batch(Split::validation, 0, 1, 8),
           tasks({{"tasks", "copy, sort"}, {"length", "64"}})->batch(Split::validation, 0, 1, 8)));
}

TEST_CASE("mixing: shares follow min(n, cap)^(1/T)", "[data][tasks]") {
  const std::vector<index> sizes = {100, 900, 0, 10000};
  const std::vector<double> by_size = mixing_shares(sizes, 1 << 20, 1);
  CHECK(by_size[2] == 0);
  CHECK_THAT(by_size[1], WithinAbs(900.0 / 11000, 1e-15));
  const std::vector<double> roots = mixing_shares(sizes, 400, 2);  // 10, 20, 0, 20
  CHECK_THAT(roots[0], WithinAbs(0.2, 1e-15));
  CHECK_THAT(roots[1], WithinAbs(0.4, 1e-15));
  CHECK_THAT(roots[3], WithinAbs(0.4, 1e-15));
  CHECK_THAT(mixing_shares(sizes, 1 << 20, 1e6)[0], WithinAbs(1.0 / 3, 1e-5));
  CHECK_THAT(mixing_shares({1, index{1} << 31}, index{1} << 31, 0.01)[1], WithinAbs(1, 1e-15));
}

TEST_CASE("tasks: drawn as often as the formula says", "[data][tasks]") {
  const auto data = tasks({{"tasks", "copy:50, reverse:200, sort:3200, add:800"},
                           {"cap", "800"},
                           {"temperature", "2"},
                           {"length", "20"}});
  const double expected[] = {std::sqrt(50.0), std::sqrt(200.0), std::sqrt(800.0), std::sqrt(800.0)};
  const double whole = std::accumulate(std::begin(expected), std::end(expected), 0.0);
  std::vector<double> drawn(4);
  constexpr index kSteps = 100, kRows = 200;
  for (index step = 0; step < kSteps; ++step) {
    const Batch batch = data->batch(Split::train, 7, step, kRows);
    for (index row = 0; row < kRows; ++row)
      ++drawn[static_cast<std::size_t>(batch.domains[static_cast<std::size_t>(row * 20)])];
  }
  double chi_square = 0;
  for (std::size_t task = 0; task < 4; ++task) {
    const double wanted = expected[task] / whole * kSteps * kRows;
    chi_square += (drawn[task] - wanted) * (drawn[task] - wanted) / wanted;
  }
  CHECK(chi_square < 16.27);  // the 0.999 quantile at 3 degrees of freedom
}

TEST_CASE("tasks: a held-out task is in no training batch, but is evaluated", "[data][tasks]") {
  const auto data = tasks(
      {{"tasks", "copy, reverse, sort"}, {"held_out", "sort, copy"}, {"validation_pairs", "20"}});
  for (index step = 0; step < 50; ++step)
    for (const std::int32_t task : data->batch(Split::train, 1, step, 16).domains)
      REQUIRE(task == 1);
  std::map<std::int32_t, int> rows;
  const Batch all = data->batch(Split::validation, 0, 0, 60);
  for (index row = 0; row < all.batch; ++row)
    ++rows[all.domains[static_cast<std::size_t>(row * all.length)]];
  CHECK(rows == std::map<std::int32_t, int>{{0, 20}, {1, 20}, {2, 20}});
  CHECK(data->info().train_size == 10000);
  // The validation split of some tasks is that part of the validation split of all.
  const auto one =
      tasks({{"tasks", "copy, reverse, sort"}, {"evaluated", "sort"}, {"validation_pairs", "20"}});
  const auto texts = [](const Dataset& from, index count) {
    std::set<std::string> found;
    const Batch batch = from.batch(Split::validation, 0, 0, count);
    for (index row = 0; row < batch.batch; ++row)
      if (const std::string text = shown(from, batch, row); text.starts_with("[sort]"))
        found.insert(text);
    return found;
  };
  CHECK(one->info().validation_rows == 20);
  CHECK(texts(*one, 20) == texts(*data, 60));
}

TEST_CASE("tasks: batches are a function of seed and step", "[data][tasks]") {
  for (const char* packed : {"false", "true"}) {
    const auto data =
        tasks({{"tasks", "copy, add, lookup, brackets"}, {"length", "40"}, {"packed", packed}});
    check_is_function_of_seed_and_step(*data);
    const Batch whole = data->batch(Split::train, 1, 5, 4);
    CHECK(same(rows_of(whole, 2, 1), rows_of(data->batch(Split::train, 1, 5, 3), 2, 1)));
  }
}

TEST_CASE("tasks: no source is in both splits, of whichever task", "[data][tasks]") {
  const auto data = tasks({{"tasks", "copy, rise, add"}, {"modulus", "40"}, {"length", "32"}});
  std::set<std::string> held_out;
  const Batch validation = data->batch(Split::validation, 0, 0, data->info().validation_rows);
  for (index row = 0; row < validation.batch; ++row)
    held_out.insert(parts(*data, validation, row).first);
  CHECK(held_out.size() > 300);
  const Batch train = data->batch(Split::train, 0, 0, 5000);
  for (index row = 0; row < train.batch; ++row)
    REQUIRE(held_out.count(parts(*data, train, row).first) == 0);
}

TEST_CASE("tasks: rise and fall have the same sources; their loss is known", "[data][tasks]") {
  const Values pair = {{"tasks", "rise, fall"}, {"validation_pairs", "30"}};
  const auto blind = tasks(with(pair, {{"input", "none"}}));
  const auto told = tasks(pair);
  CHECK(told->info().bayes_loss == 0);
  std::map<std::string, std::set<std::string>> answers;
  double characters = 0;
  const Batch all = told->batch(Split::validation, 0, 0, 60);
  for (index row = 0; row < 60; ++row) {
    const auto [source, target] = parts(*told, all, row);
    answers[source].insert(target);
    characters += static_cast<double>(target.size()) + 1;
    for (std::size_t i = 0; i < source.size(); ++i)
      CHECK((std::abs(source[i] - target[i]) == 1 || std::abs(source[i] - target[i]) == 25));
  }
  for (const auto& [source, targets] : answers) CHECK(targets.size() == 2);
  // One of two answers, equally often: ln 2 for each example.
  CHECK_THAT(blind->info().bayes_loss, WithinRel(60 * std::log(2.0) / characters, 1e-12));
  // `add` has sources of another kind, which identify it: its loss is 0, whatever its answers are.
  const auto three =
      tasks({{"tasks", "rise, fall, add"}, {"validation_pairs", "30"}, {"input", "none"}});
  CHECK_THAT(three->info().bayes_loss_of_domain[0],
             WithinRel(30 * std::log(2.0) / (characters / 2), 1e-12));
  CHECK(three->info().bayes_loss_of_domain[2] == 0);
  // Without a label in the input, the source comes first.
  const Batch rows = blind->batch(Split::validation, 0, 0, 1);
  CHECK(shown(*blind, rows, 0).front() != '[');
  CHECK(tasks(with(pair, {{"loss_on", "all"}}))->info().bayes_loss == -1);
}

TEST_CASE("tasks: instructions name the task in words", "[data][tasks]") {
  const auto data = tasks({{"tasks", "copy"},
                           {"input", "instruction"},
                           {"instructions", "please {} | {}:"},
                           {"tokens", "chars"}});
  std::set<std::string> beginnings;
  const Batch batch = data->batch(Split::train, 0, 0, 40);
  for (index row = 0; row < batch.batch; ++row) {
    const std::string text = shown(*data, batch, row);
    const std::string target = between(text, "[sep](", "[eos]");
    const std::size_t source = text.find(target + "[sep]");
    REQUIRE(source != text.npos);
    beginnings.insert(text.substr(0, source));
  }
  CHECK(beginnings == std::set<std::string>{"please copy ", "copy: "});
}

TEST_CASE("task tokens: text with names of tokens, and back", "[data][tasks]") {
  const TaskTokenizer tokenizer(byte_tokenizer(), {"copy", "sort"});
  Ids ids;
  tokenizer.encode("[sort]a[b][sep]x[copy", [&](std::int32_t id) { ids.push_back(id); });
  CHECK(ids == Ids{259, 'a', '[', 'b', ']', 256, 'x', '[', 'c', 'o', 'p', 'y'});
  CHECK(tokenizer.decode(ids) == "[sort]a[b][sep]x[copy");
  CHECK(tokenizer.vocabulary() == 260);
  const auto data = tasks({{"tasks", "copy, sort"}, {"tokens", "chars"}});
  const auto files = stored_files(*data);
  const auto again = stored_dataset("data.json", files[0].bytes, files[1].bytes);
  CHECK(again->info().vocabulary == data->info().vocabulary);
  CHECK(again->encode("[sort]ab[sep]") == data->encode("[sort]ab[sep]"));
  for (const char* content : {"", "{}", "[1]\n", R"({"tokens": "tasks", "labels": []})",
                              R"({"tokens": "bytes", "labels": ["a b"]})"})
    CHECK_THROWS_AS(stored_dataset("data.json", files[0].bytes, content), Error);
}

}  // namespace moesim::testing

// Tests the data set "tasks" with pairs from files, and what it refuses.
#include "sim/data/tokenizer.hpp"
#include "tests/data/support.hpp"
#include "tests/support/sentencepiece_model.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace moesim::testing {
namespace {

using Values = std::map<std::string, std::string>;

std::string json_pairs(int count, const std::string& more = "", const std::string& to = "out") {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += R"({"source": "in )" + std::to_string(i) + R"(", "target": ")" + to + " " +
            std::to_string(i) + "\"" + more + "}\n";
  return text;
}

Failure refusal(Values values) {
  values["name"] = "tasks";
  const Failure failure = failure_of(values);
  CHECK(failure.message.find('\n') == std::string::npos);
  return failure;
}

void check_refused(const Values& values, Exit code, const std::string& part) {
  const Failure failure = refusal(values);
  INFO(failure.message);
  CHECK(failure.code == code);
  CHECK(failure.message.find(part) != std::string::npos);
}

// Every example of a split as text.
std::multiset<std::string> examples(const Dataset& data, Split split, index rows) {
  std::multiset<std::string> all;
  const Batch batch = data.batch(split, 0, 0, rows);
  for (index row = 0; row < batch.batch; ++row) {
    const auto first = batch.ids.begin() + row * batch.length;
    const std::string text = data.decode({first, first + batch.length});
    all.insert(text.substr(0, text.find("[eos]")));
  }
  return all;
}

}  // namespace

TEST_CASE("pair files: JSON lines by label, and .tsv", "[data][tasks]") {
  const TempFolder folder;
  const std::string lines =
      folder.write("a.jsonl", json_pairs(100, R"(, "language": "de")", "aus") +
                                  json_pairs(50, R"(, "language": "fr")", "sortie"));
  std::string rows;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    rows += "in " + number + "\taus " + number + "\r\n";
  }
  const std::string table = folder.write("b.tsv", rows);
  const auto both = make_data({{"name", "tasks"}, {"path", lines}, {"domain_field", "language"}});
  CHECK(both->info().domains == std::vector<std::string>{"de", "fr"});
  const auto one = make_data({{"name", "tasks"}, {"path", "de:" + table}, {"tokens", "chars"}});
  CHECK(one->info().domains == std::vector<std::string>{"de"});
  // The splits go by the source, so they are the same in both files and both tasks.
  const index validation = one->info().validation_rows;
  CHECK(one->info().train_size + validation == 100);
  CHECK(validation > 2);
  std::multiset<std::string> of_de, of_fr;
  for (const std::string& text : examples(*both, Split::validation, both->info().validation_rows))
    (text.starts_with("[de]") ? of_de : of_fr).insert(text);
  CHECK(of_de == examples(*one, Split::validation, validation));
  CHECK_FALSE(of_fr.empty());
  for (const std::string& text : of_fr) {
    const std::size_t number = text.find("sortie") + 7;
    CHECK(of_de.count("[de]in " + text.substr(number) + "[sep]aus " + text.substr(number)) == 1);
  }
  for (const std::string& text : examples(*one, Split::train, 500)) CHECK(of_de.count(text) == 0);
  CHECK(of_de.begin()->find("[sep]aus ") != std::string::npos);
  CHECK(both->info().bayes_loss == -1);
}

TEST_CASE("pair files: sources and targets as pieces of SentencePiece", "[data][tasks]") {
  const Failure failure =
      failure_of([] { sentencepiece_tokenizer("m", small_sentencepiece_model()); });
  if (failure.code == Exit::usage) {
    WARN("skipped: built without SentencePiece");
    return;
  }
  const TempFolder folder;
  std::string rows;
  std::multiset<std::string> expected;
  for (int i = 0; i < 81; ++i) {
    std::string source, target = "the";
    for (int digit = i, place = 0; place < 4; digit /= 3, ++place) {
      source += place == 0 ? "" : " ";
      source += "abc"[digit % 3];
      target += "abc"[digit % 3];
    }
    rows += source + "\t" + target + "\n";
    expected.insert("[de]" + source + "[sep]" + target);
  }
  const Values values = {{"name", "tasks"},
                         {"path", "de:" + folder.write("a.tsv", rows)},
                         {"tokens", "sentencepiece"},
                         {"model", folder.write("small.model", small_sentencepiece_model())}};
  const auto data = make_data(values);
  CHECK(data->info().train_size + data->info().validation_rows == 81);
  // 3 + 256 + 9 pieces, then [sep], [eos] and the label.
  CHECK(data->info().vocabulary == 268 + 3);
  const Batch batch = data->batch(Split::validation, 0, 0, data->info().validation_rows);
  const auto copy = make_tokenizer(data->tokenizer()->kind(), data->tokenizer()->content(), "copy");
  for (index row = 0; row < batch.batch; ++row) {
    const auto first = batch.ids.begin() + row * batch.length;
    const std::vector<std::int32_t> ids = {first, first + batch.length};
    const std::string text = data->decode(ids);
    INFO(text);
    CHECK(expected.count(text.substr(0, text.find("[eos]"))) == 1);
    CHECK(copy->decode(ids) == text);
    // Four letters with spaces are four pieces; "the" and four letters five. [eos] is a target.
    const auto targets = batch.targets.begin() + row * batch.length;
    CHECK(std::count_if(targets, targets + batch.length, [](auto id) { return id >= 0; }) == 6);
  }
  Values without = values;
  without["tasks"] = "copy";
  check_refused(without, Exit::usage, "choose bytes or chars");
  without = values;
  without.erase("model");
  check_refused(without, Exit::usage, "needs a model file");
}

TEST_CASE("pair files: what does not fit is left out and counted", "[data][tasks]") {
  const TempFolder folder;
  const std::string path = folder.write(
      "a.jsonl", json_pairs(100) + R"({"source": "", "target": "x"})" + "\n" +
                     R"({"source": "long", "target": ")" + std::string(60, 'x') + "\"}\n" +
                     R"({"source": "long", "target": ")" + std::string(58, 'x') + "\"}\n");
  const auto data = make_data({{"name", "tasks"}, {"path", path}});
  // [label] long [sep] x … x [eos] has 65 tokens with 58 x: one more than positions.
  CHECK(data->info().train_size + data->info().validation_rows == 101);
  CHECK(data->info().note.find("1 without source or target, 1 longer") != std::string::npos);
  CHECK(data->info().domains == std::vector<std::string>{"pairs"});
}

TEST_CASE("pair files: broken ones end with the line and the reason", "[data][tasks]") {
  const TempFolder folder;
  const std::string good = folder.write("good.jsonl", json_pairs(100));
  const auto written = [&](const char* name, const std::string& text) {
    return Values{{"path", folder.write(name, text)}};
  };
  check_refused(written("a.jsonl", "\n\n"), Exit::data, "in the training split, found none");
  check_refused(written("b.jsonl", R"({"source": "a"})"), Exit::data,
                "b.jsonl:1: expected a text under 'target' (data.target_field), found none");
  check_refused(written("c.jsonl", R"({"source": 3, "target": "a"})"), Exit::data,
                "'source' (data.source_field)");
  check_refused(written("d.tsv", "a\tb\nno tab\n"), Exit::data,
                "d.tsv:2: expected source, tab, target; found 0 tabs");
  check_refused(written("e.jsonl", "[1]\n"), Exit::data, "e.jsonl:1: expected a JSON object");
  check_refused(written("f.jsonl", json_pairs(1)), Exit::data, "split, found none");
  check_refused(written("g.tsv", "\x1f\x8b not gzip"), Exit::data, "g.tsv");
  check_refused({{"path", folder.path("none.jsonl")}}, Exit::data, "none.jsonl");
  check_refused({{"path", good}, {"domain_field", "language"}}, Exit::data,
                "under 'language' (data.domain_field)");
  Values latin = written("h.tsv", "a\tb\xe4\n");
  latin["tokens"] = "chars";
  check_refused(latin, Exit::data, "expected UTF-8");
  check_refused({{"path", good + "; more:" + good}, {"domain_field", "x"}}, Exit::usage,
                "data.path names tasks already");
  check_refused({{"path", "sep:" + good}}, Exit::usage, "a task cannot be called sep");
  check_refused({{"path", "copy:" + good}, {"tasks", "copy"}}, Exit::usage,
                "two tasks are called copy");
}

TEST_CASE("tasks: settings that cannot be are refused", "[data][tasks]") {
  check_refused({}, Exit::usage, "data.tasks");
  check_refused({{"tasks", "coppy"}}, Exit::usage, "did you mean copy?");
  check_refused({{"tasks", "copy:0"}}, Exit::usage, "'copy:0': expected name:pairs");
  check_refused({{"tasks", "copy, copy"}}, Exit::usage, "two tasks are called copy");
  check_refused({{"tasks", "copy"}, {"cap", "0"}}, Exit::usage, "data.cap = 0");
  check_refused({{"tasks", "copy"}, {"temperature", "0"}}, Exit::usage, "data.temperature = 0");
  check_refused({{"tasks", "copy"}, {"temperature", "-1"}}, Exit::usage, "data.temperature = -1");
  check_refused({{"tasks", "copy, sort"}, {"held_out", "sor"}}, Exit::usage, "did you mean sort?");
  check_refused({{"tasks", "copy"}, {"evaluated", "fr"}}, Exit::usage, "no task is called 'fr'");
  check_refused({{"tasks", "copy"}, {"held_out", "copy"}}, Exit::usage, "every task is held out");
  check_refused({{"tasks", "copy"}, {"length", "10"}}, Exit::usage, "set 18 or more");
  check_refused({{"tasks", "copy"}, {"tokens", "sentencepiece"}}, Exit::usage, "data.model");
  check_refused({{"tasks", "copy"}, {"domain_field", "x"}}, Exit::usage, "data.domain_field");
  check_refused({{"tasks", "copy"}, {"input", "instruction"}, {"instructions", ""}}, Exit::usage,
                "data.instructions");
  CHECK(refusal({{"tasks", "copy"}, {"length", "18"}}).code == Exit::ok);
  // Two numbers: four sources, all of them in training at a fraction of a thousandth.
  check_refused({{"tasks", "add"}, {"modulus", "2"}, {"validation_fraction", "0.001"}}, Exit::usage,
                "add: found no source for the validation split");
}

}  // namespace moesim::testing

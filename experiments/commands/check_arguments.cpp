#include "experiments/commands/check_arguments.hpp"

#include "experiments/sweep/child.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/core/number.hpp"
#include "sim/io/file.hpp"
#include "sim/moe/variants.hpp"

#include <algorithm>
#include <exception>

namespace moesim {
namespace {

struct Asked {
  bool router = true;
  std::string name;
  std::vector<std::string> settings;  // as written
};

bool is_router(const std::string& name) { return Registry<Router>::all().count(name) > 0; }
bool is_expert(const std::string& name) { return Registry<Expert>::all().count(name) > 0; }

[[noreturn]] void reject(const std::string& word, const std::string& what) {
  fail(Exit::usage, "command line: check " + config::printable(word) + ": " + what);
}

[[noreturn]] void unknown(const std::string& word, const std::vector<std::string>& names,
                          const std::string& kind) {
  const std::string near = nearest(word, names);
  reject(word,
         "there is no " + kind + " of this name; " +
             (near.empty() ? "choose one of " + joined(names) : "did you mean " + near + "?") +
             (number_bytes() > sizeof(float)
                  ? " (this is moesim-f64, which is built apart: a new plug-in has to be in it)"
                  : ""));
}

// The plug-ins that a word names: one, or a router and an expert of the same name.
std::vector<Asked> named(const std::string& word) {
  for (const bool router : {true, false}) {
    const std::string prefix = router ? "router." : "expert.";
    if (word.rfind(prefix, 0) != 0) continue;
    const std::string name = word.substr(prefix.size());
    if (!(router ? is_router(name) : is_expert(name)))
      unknown(name, router ? Registry<Router>::names() : Registry<Expert>::names(),
              router ? "router" : "expert");
    return {{router, name, {}}};
  }
  std::vector<Asked> found;
  if (is_router(word)) found.push_back({true, word, {}});
  if (is_expert(word)) found.push_back({false, word, {}});
  if (!found.empty()) return found;
  std::vector<std::string> names = Registry<Router>::names();
  for (const std::string& name : Registry<Expert>::names()) names.push_back(name);
  unknown(word, names, "router or expert");
}

std::vector<Asked> asked_for(const std::vector<std::string>& arguments) {
  std::vector<Asked> all;
  std::size_t together = 0;  // number of plug-ins of the last name
  for (const std::string& word : arguments) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      const std::vector<Asked> found = named(word);
      all.insert(all.end(), found.begin(), found.end());
      together = found.size();
      continue;
    }
    if (all.empty()) reject(word, "stands before the router or expert whose setting it is");
    if (equals == 0) reject(word, "expected key=value");
    if (together > 1)
      reject(word, "'" + all.back().name + "' is a router and an expert; write router." +
                       all.back().name + " or expert." + all.back().name + " before it");
    all.back().settings.push_back(word);
  }
  return all;
}

std::vector<Asked> everything() {
  std::vector<Asked> all;
  for (const std::string& name : Registry<Router>::names()) all.push_back({true, name, {}});
  for (const std::string& name : Registry<Expert>::names()) all.push_back({false, name, {}});
  return all;
}

Subject subject_of(const Asked& asked) {
  Subject subject;
  (asked.router ? subject.router : subject.expert) = asked.name;
  return subject;
}

CheckRow row_of_settings(const Asked& asked) {
  CheckRow row{joined(asked.settings, " "), subject_of(asked)};
  const std::string section = (asked.router ? "router." : "expert.") + asked.name + ".";
  for (const std::string& word : asked.settings) {
    const std::size_t equals = word.find('=');
    std::string key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key.find('.') == std::string::npos) key = section + key;
    if (key == "expert.name" && asked.router) {
      if (!is_expert(value)) unknown(value, Registry<Expert>::names(), "expert");
      row.subject.expert = value;
    }
    row.subject.given.push_back({key, value});
  }
  return row;
}

std::vector<CheckRow> router_rows(const Asked& asked, bool variants) {
  std::vector<CheckRow> rows(2, {"defaults", subject_of(asked)});
  rows[1].settings = "defaults, not causal", rows[1].subject.causal = false;
  rows[1].optional = !variants;
  if (!variants) return rows;
  for (const Variant& variant : variants_of(asked.name)) {
    rows.push_back({variant.name, subject_of(asked)});
    rows.back().subject.settings = variant.settings, rows.back().subject.causal = variant.causal;
  }
  return rows;
}

// Splits "a | b | c" into words.
std::vector<std::string> choices_of(const OptionInfo& option) {
  std::vector<std::string> words;
  if (option.type != "choice" && option.type != "flag") return words;
  for (std::size_t from = 0; from < option.range.size();) {
    const std::size_t bar = std::min(option.range.find(" | ", from), option.range.size());
    words.push_back(option.range.substr(from, bar - from));
    from = bar + 3;
  }
  return words;
}

// Tries it in a child process: a crash then fails the certificate, not the program.
bool can_be_made(const Subject& subject) {
  try {
    in_child("makes it", [&] {
      options_of(subject);
      return std::string("made");
    });
    return true;
  } catch (const Shortage&) {
    throw;
  } catch (const std::exception&) {
    return false;
  }
}

// Variants of an expert, which registers none: every value of a choice that is valid with defaults.
std::vector<CheckRow> expert_rows(const Asked& asked, bool variants) {
  std::vector<CheckRow> rows{{"defaults", subject_of(asked)}};
  if (!variants) return rows;
  if (!can_be_made(rows.front().subject)) return rows;  // its certificate reports the error
  for (const OptionInfo& option : options_of(rows.front().subject))
    for (const std::string& value : choices_of(option)) {
      if (value == option.default_value) continue;
      Subject subject = subject_of(asked);
      subject.expert_settings = option.key.substr(option.key.rfind('.') + 1) + "=" + value;
      if (can_be_made(subject)) rows.push_back({subject.expert_settings, subject});
    }
  return rows;
}

}  // namespace

std::vector<CheckRow> check_rows(const std::vector<std::string>& arguments, bool all) {
  std::vector<Asked> asked = asked_for(arguments);
  const bool variants = all || !asked.empty();
  if (asked.empty()) asked = everything();
  std::stable_partition(asked.begin(), asked.end(), [](const Asked& a) { return a.router; });
  std::vector<CheckRow> rows;
  for (const Asked& one : asked) {
    std::vector<CheckRow> own =
        one.router ? router_rows(one, variants) : expert_rows(one, variants);
    if (!one.settings.empty()) own = {row_of_settings(one)};
    rows.insert(rows.end(), own.begin(), own.end());
  }
  return rows;
}

}  // namespace moesim

#include "experiments/check.hpp"

#include "sim/moe/certificate.hpp"
#include "sim/moe/variants.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iostream>
#include <map>
#include <type_traits>
#include <unistd.h>
#include <utility>

namespace moesim {
namespace {

constexpr bool kFloat = std::is_same_v<real, float>;

// Comes back only if there is no such program to become.
void become_double(const std::vector<std::string>& arguments, bool json, bool all) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return;
  const std::string sibling = self.parent_path() / "moesim-f64";
  std::vector<std::string> words{sibling, "check"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  if (json) words.push_back("--json");
  if (all) words.push_back("--all");
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  execv(sibling.c_str(), pointers.data());
}

struct Row {
  std::string settings;  // the variant's name, or the settings themselves
  Subject subject;
  bool optional = false;  // left out of the short table unless it shows something
};

std::vector<Row> rows_of(const std::string& router, const std::string& settings, bool variants) {
  const auto subject = [&](const std::string& own, bool causal) {
    Subject made;
    made.router = router, made.settings = own, made.causal = causal;
    return made;
  };
  if (!settings.empty()) return {{settings, subject(settings, true)}};
  std::vector<Row> rows{{"defaults", subject("", true)},
                        {"defaults, not causal", subject("", false), !variants}};
  if (!variants) return rows;
  for (const Variant& variant : variants_of(router))
    rows.push_back({variant.name, subject(variant.settings, variant.causal)});
  return rows;
}

std::vector<Row> parse(const std::vector<std::string>& arguments, bool all) {
  std::vector<std::pair<std::string, std::string>> asked;  // router, settings
  for (const std::string& word : arguments) {
    const bool setting = word.find('=') != std::string::npos;
    if (setting && asked.empty())
      fail(Exit::usage, "check: '" + word + "' stands before the router whose setting it is");
    if (!setting) {
      Registry<Router>::find(word);
      asked.emplace_back(word, "");
      continue;
    }
    auto& [router, settings] = asked.back();
    const std::string section = "router." + router + ".";
    settings += settings.empty() ? "" : " ";
    settings += word.rfind(section, 0) == 0 ? word.substr(section.size()) : word;
  }
  const bool named = !asked.empty();
  if (!named)
    for (const std::string& name : Registry<Router>::names()) asked.emplace_back(name, "");
  std::vector<Row> rows;
  for (const auto& [router, settings] : asked)
    for (Row& row : rows_of(router, settings, all || named)) rows.push_back(std::move(row));
  return rows;
}

nlohmann::ordered_json to_json(const Row& row, const Certificate& certificate) {
  nlohmann::ordered_json document;
  document["router"] = row.subject.router;
  document["settings"] = row.subject.settings;
  document["name"] = row.settings;
  document["causal"] = row.subject.causal;
  document["expert"] = row.subject.expert;
  document["verdict"] = to_string(certificate.verdict());
  document["declared"] = certificate.declared;
  document["probed"] = certificate.probed;
  document["leak"] = certificate.leak;
  if (certificate.gradient_error < 0)
    document["gradient_error"] = nullptr;
  else
    document["gradient_error"] = certificate.gradient_error;
  for (const Item& item : certificate.items)
    document["items"].push_back(
        {{"name", item.name}, {"verdict", to_string(item.verdict)}, {"value", item.value}});
  return document;
}

// The number where there is one to show, else the verdict.
std::string cell(const Certificate& certificate, const char* name) {
  const Item& item = certificate.item(name);
  const bool number = item.name == "gradient" || item.name == "equivariance";
  if (item.verdict == Verdict::pass) return number ? item.value : "ok";
  return to_string(item.verdict);
}

using Cells = std::array<std::string, 12>;

Cells cells_of(const Row& row, const Certificate& c) {
  return {row.subject.router,
          row.settings,
          cell(c, "conservation"),
          cell(c, "gradient"),
          cell(c, "paths"),
          c.declared,
          c.probed,
          c.leak == 0 ? "0" : fmt::format("{:.1e}", c.leak),
          cell(c, "equivariance"),
          cell(c, "threads"),
          cell(c, "edges"),
          to_string(c.verdict())};
}

std::string line_of(const Cells& cells, const std::array<std::size_t, 12>& widths) {
  std::string line;
  for (std::size_t i = 0; i < cells.size(); ++i)
    line += fmt::format("{:<{}}", cells[i], i + 1 < cells.size() ? widths[i] + 2 : 0);
  return line + "\n";
}

void print_table(const std::vector<Cells>& table, std::ostream& out) {
  std::array<std::size_t, 12> widths{};
  for (const Cells& cells : table)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  for (const Cells& cells : table) out << line_of(cells, widths);
}

}  // namespace

int check_command(const std::vector<std::string>& arguments, bool json, std::ostream& out,
                  bool all) {
  const std::vector<Row> rows = parse(arguments, all);
  if (kFloat && &out == &std::cout) become_double(arguments, json, all);

  nlohmann::ordered_json documents = nlohmann::ordered_json::array();
  std::vector<Cells> table{{"router", "settings", "adds up", "gradient", "paths", "declares",
                            "sees", "leak", "experts", "threads", "edges", "verdict"}};
  std::vector<std::string> notes;
  std::map<Verdict, int> count;
  std::string declared;  // of the row before
  for (const Row& row : rows) {
    const Certificate certificate = certify(row.subject);
    ++count[certificate.verdict()];
    documents.push_back(to_json(row, certificate));
    const bool news = certificate.declared != declared || certificate.verdict() > Verdict::pass;
    if (!row.optional || news) table.push_back(cells_of(row, certificate));
    declared = certificate.declared;
    for (const Item& item : certificate.items)
      if (item.verdict > Verdict::pass)
        notes.push_back(fmt::format("{} {}, {}: {}: {}", to_string(item.verdict),
                                    row.subject.router, row.settings, item.name, item.value));
  }

  if (json) {
    out << nlohmann::ordered_json{{"real", kFloat ? "float" : "double"},
                                  {"certificates", documents}}
               .dump(2)
        << "\n";
  } else {
    print_table(table, out);
    for (const std::string& note : notes) out << note << "\n";
    out << fmt::format("{} certificates: {} pass, {} warn, {} fail{}\n", rows.size(),
                       count[Verdict::pass], count[Verdict::warn], count[Verdict::fail],
                       kFloat ? "; derivatives need moesim-f64 beside this program" : "");
  }
  return count[Verdict::fail] > 0 ? 1 : 0;
}

}  // namespace moesim

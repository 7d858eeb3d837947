#include "experiments/commands/check.hpp"

#include "experiments/commands/check_arguments.hpp"
#include "experiments/sweep/child.hpp"
#include "experiments/sweep/resources.hpp"
#include "sim/core/number.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <map>
#include <unistd.h>
#include <utility>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

bool in_float() { return number_bytes() == sizeof(float); }

constexpr const char* kIncomplete =
    "incomplete: derivatives are measured in double, by moesim-f64; build it next to this program "
    "(cmake --build --preset release --target moesim-f64)\n";

// Executes moesim-f64; returns only if there is no such program.
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

Json to_json(const CheckRow& row, const Certificate& certificate) {
  const bool router = !row.subject.router.empty();
  Json document;
  document["kind"] = router ? "router" : "expert";
  document["router"] = router ? Json(row.subject.router) : Json(nullptr);
  std::string settings = router ? row.subject.settings : row.subject.expert_settings;
  for (const auto& [key, value] : row.subject.given)
    settings += (settings.empty() ? "" : " ") + key + "=" + value;
  document["settings"] = settings;
  document["name"] = row.settings;
  if (router) document["causal"] = row.subject.causal;
  document["expert"] = row.subject.expert;
  document["verdict"] = to_string(certificate.verdict());
  if (router) {
    document["declared"] = certificate.declared;
    document["probed"] = certificate.probed;
    document["leak"] = certificate.leak;
  }
  if (certificate.gradient_error < 0)
    document["gradient_error"] = nullptr;
  else
    document["gradient_error"] = certificate.gradient_error;
  document["items"] = Json::array();
  for (const Item& item : certificate.items)
    document["items"].push_back(
        {{"name", item.name}, {"verdict", to_string(item.verdict)}, {"value", item.value}});
  return document;
}

// Serialises a certificate to text, for the pipe from its process.
std::string packed(const Certificate& c) {
  Json items = Json::array();
  for (const Item& item : c.items)
    items.push_back({item.name, static_cast<int>(item.verdict), item.value});
  return Json{{"declared", c.declared},
              {"probed", c.probed},
              {"leak", fmt::format("{:a}", c.leak)},
              {"gradient_error", fmt::format("{:a}", c.gradient_error)},
              {"items", items}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

Certificate unpacked(const std::string& text, const Subject& subject) {
  const Json document = Json::parse(text);
  Certificate c;
  c.subject = subject;
  c.declared = document["declared"], c.probed = document["probed"];
  c.leak = std::strtod(document["leak"].get<std::string>().c_str(), nullptr);
  c.gradient_error = std::strtod(document["gradient_error"].get<std::string>().c_str(), nullptr);
  for (const Json& item : document["items"])
    c.items.push_back({item[0], static_cast<Verdict>(item[1].get<int>()), item[2]});
  return c;
}

// Makes the certificate in a child process. An error that prevents this becomes its only, failed
// item.
Certificate certificate_of(const Subject& subject) {
  try {
    const ChildResult child = in_child("certifies it", [&] { return packed(certify(subject)); });
    return unpacked(child.text, subject);
  } catch (const Shortage&) {
    throw;  // not the plug-in's fault
  } catch (const std::exception& error) {
    Certificate failed;
    failed.subject = subject;
    std::string what = error.what();
    if (what.find("was killed") != std::string::npos)
      what += "; is every tensor made by parameter() or buffer(), and every child() named?";
    failed.items.push_back({"certificate", Verdict::fail, what});
    return failed;
  }
}

// Refuses sizes that need too much memory or time. A run may have any size, but certificates test
// code, for which small sizes suffice.
void require_effort(const CheckRow& row, const Effort& effort) {
  constexpr double kOperationsPerSecond = 2e9;  // measured: 1.5e9 to 3.2e9
  constexpr double kMostHours = 2;
  const auto refuse = [&](const std::string& what) {
    fail(Exit::usage,
         fmt::format("command line: check {} {}: {}; make it smaller: small sizes test the same "
                     "code",
                     row.subject.router.empty() ? row.subject.expert : row.subject.router,
                     row.settings, what));
  };
  const double available = available_memory(),
               hours = effort.operations / kOperationsPerSecond / 3600;
  if (available > 0 && effort.bytes > available)
    refuse(fmt::format("needs some {} of memory, {} available", readable_bytes(effort.bytes),
                       readable_bytes(available)));
  if (hours > kMostHours) refuse(fmt::format("would take some {:.0f} hours", hours));
}

Effort effort_in_child(const Subject& subject) {
  const std::string text = in_child("reads its settings", [&] {
                             const Effort effort = effort_of(subject);
                             return fmt::format("{:a} {:a}", effort.bytes, effort.operations);
                           }).text;
  Effort effort;
  char* end = nullptr;
  effort.bytes = std::strtod(text.c_str(), &end);
  effort.operations = std::strtod(end, nullptr);
  return effort;
}

// Ends the program before anything is certified if settings are invalid or too large. Other errors
// in constructing the plug-in are reported in its certificate.
void validate(const std::vector<CheckRow>& rows) {
  for (const CheckRow& row : rows) {
    if (row.subject.given.empty()) continue;
    try {
      require_effort(row, effort_in_child(row.subject));
    } catch (const Shortage&) {
      throw;
    } catch (const Error& error) {
      if (error.code() == Exit::usage) throw;
    }
  }
}

using Cells = std::vector<std::string>;

// The measured number if there is one, else the verdict.
std::string cell(const Certificate& certificate, const std::string& name) {
  for (const Item& item : certificate.items) {
    if (item.name != name) continue;
    const bool number = name == "gradient" || name == "equivariance";
    if (item.verdict == Verdict::pass) return number ? item.value : "ok";
    return item.verdict == Verdict::incomplete ? "not run" : to_string(item.verdict);
  }
  return "-";
}

const Cells kRouterHead{"router",  "settings", "state",  "adds up", "gradient",
                        "paths",   "declares", "sees",   "leak",    "experts",
                        "threads", "edges",    "verdict"};

Cells router_cells(const CheckRow& row, const Certificate& c) {
  const bool seen = !c.probed.empty();
  return {row.subject.router,
          row.settings,
          cell(c, "state"),
          cell(c, "conservation"),
          cell(c, "gradient"),
          cell(c, "paths"),
          seen ? c.declared : "-",
          seen ? c.probed : "-",
          !seen         ? "-"
          : c.leak == 0 ? "0"
                        : fmt::format("{:.1e}", c.leak),
          cell(c, "equivariance"),
          cell(c, "threads"),
          cell(c, "edges"),
          to_string(c.verdict())};
}

const Cells kExpertItems{"stack", "state",  "gradient", "paths",   "rows", "experts",
                         "given", "merged", "cost",     "threads", "edges"};

Cells expert_head() {
  Cells head{"expert", "settings"};
  head.insert(head.end(), kExpertItems.begin(), kExpertItems.end());
  head.push_back("verdict");
  return head;
}

Cells expert_cells(const CheckRow& row, const Certificate& c) {
  Cells cells{row.subject.expert, row.settings};
  for (const std::string& name : kExpertItems) cells.push_back(cell(c, name));
  cells.push_back(to_string(c.verdict()));
  return cells;
}

void print_table(const std::vector<Cells>& table, std::ostream& out) {
  if (table.size() < 2) return;  // only the header
  std::vector<std::size_t> widths(table.front().size());
  for (const Cells& cells : table)
    for (std::size_t i = 0; i < cells.size(); ++i) widths[i] = std::max(widths[i], cells[i].size());
  for (const Cells& cells : table) {
    for (std::size_t i = 0; i < cells.size(); ++i)
      out << fmt::format("{:<{}}", cells[i], i + 1 < cells.size() ? widths[i] + 2 : 0);
    out << '\n';
  }
}

// Explains every item that has not passed: one line each, and one shared line for items that do not
// apply for the same reason.
struct CheckNotes {
  std::vector<std::string> lines;
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;  // reason and plug-ins

  void add(const CheckRow& row, const Certificate& certificate) {
    const std::string name = row.subject.router.empty() ? row.subject.expert : row.subject.router;
    for (const Item& item : certificate.items) {
      const std::string what = fmt::format("{}: {}", item.name, item.value);
      if (item.verdict > Verdict::pass)
        lines.push_back(
            fmt::format("{} {}, {}: {}", to_string(item.verdict), name, row.settings, what));
      if (item.verdict != Verdict::none) continue;
      auto found = std::find_if(reasons.begin(), reasons.end(),
                                [&](const auto& reason) { return reason.first == what; });
      if (found == reasons.end()) found = reasons.insert(found, {what, {}});
      if (found->second.empty() || found->second.back() != name) found->second.push_back(name);
    }
  }
};

}  // namespace

int check_command(const std::vector<std::string>& arguments, bool json, std::ostream& out,
                  bool all) {
  const std::vector<CheckRow> rows = check_rows(arguments, all);
  if (in_float() && &out == &std::cout) become_double(arguments, json, all);
  validate(rows);

  Json documents = Json::array();
  std::vector<Cells> routers{kRouterHead}, experts{expert_head()};
  CheckNotes notes;
  std::map<Verdict, int> count;
  Certificate before;
  for (const CheckRow& row : rows) {
    const Certificate certificate = certificate_of(row.subject);
    ++count[certificate.verdict()];
    documents.push_back(to_json(row, certificate));
    const bool news =
        certificate.declared != before.declared || certificate.verdict() != before.verdict();
    if (row.subject.router.empty())
      experts.push_back(expert_cells(row, certificate));
    else if (!row.optional || news)
      routers.push_back(router_cells(row, certificate));
    before = certificate;
    notes.add(row, certificate);
  }

  if (json) {
    out << Json{{"real", in_float() ? "float" : "double"}, {"certificates", documents}}.dump(
               2, ' ', false, Json::error_handler_t::replace)
        << "\n";
  } else {
    print_table(routers, out);
    if (routers.size() > 1 && experts.size() > 1) out << '\n';
    print_table(experts, out);
    for (const auto& [what, names] : notes.reasons)
      out << fmt::format("n/a {} ({})\n", what, joined(names));
    for (const std::string& line : notes.lines) out << line << "\n";
    out << fmt::format("{} certificates: {} pass, {} warn, {} incomplete, {} fail\n", rows.size(),
                       count[Verdict::pass], count[Verdict::warn], count[Verdict::incomplete],
                       count[Verdict::fail]);
    if (in_float() && count[Verdict::incomplete] > 0) out << kIncomplete;
  }
  return count[Verdict::fail] + count[Verdict::incomplete] > 0 ? 1 : 0;
}

}  // namespace moesim

#include "analysis/report/certificates.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>

namespace moesim {
namespace {

using Words = std::map<std::string, std::string>;

const Words kPlans{{"assignment", "assignment: rows go to experts"},
                   {"mixing", "mixing: slots mix rows"},
                   {"merging", "merging: experts are merged"},
                   {"custom", "custom: the router computes the output itself"}};

const Words kSees{{"past", "earlier tokens of its sequence"},
                  {"sequence", "all tokens of its sequence"},
                  {"batch", "other sequences of the batch"}};

// Joins the distinct values of a field over runs: "a / b". Values that are not in the table of
// words are kept.
std::string said(const std::vector<const Record*>& records, std::string Record::*field,
                 const Words& words) {
  std::set<std::string> all;
  for (const Record* record : records) {
    const auto found = words.find(record->*field);
    if (!(record->*field).empty())
      all.insert(found == words.end() ? record->*field : found->second);
  }
  return all.empty() ? "not recorded" : joined({all.begin(), all.end()}, " / ");
}

bool any(const std::vector<const Record*>& records,
         const std::function<bool(const Record&)>& holds) {
  return std::any_of(records.begin(), records.end(),
                     [&](const Record* record) { return holds(*record); });
}

// Returns " at positions 0 to 14", over all runs; empty if a run that leaks does not record it.
std::string positions_of(const std::vector<const Record*>& records) {
  double first = std::numeric_limits<double>::infinity(), last = -1;
  for (const Record* record : records) {
    if (!(record->leak > 0)) continue;
    if (std::isnan(record->leak_first) || std::isnan(record->leak_last)) return "";
    first = std::min(first, record->leak_first), last = std::max(last, record->leak_last);
  }
  return first == last ? fmt::format(" at position {:.0f}", first)
                       : fmt::format(" at positions {:.0f} to {:.0f}", first, last);
}

std::string verdict_of(const std::vector<const Record*>& records, double leak) {
  if (!any(records, [](const Record& r) { return r.causal != 0; }))
    return "looking ahead is allowed: the task is given whole sequences";
  const auto unknown = std::count_if(records.begin(), records.end(),
                                     [](const Record* r) { return std::isnan(r->leak); });
  if (unknown == std::ssize(records)) return "not certified: no run measured it";
  if (leak > 0) {
    const bool declared = !any(records, [](const Record& r) { return r.sees == "past"; });
    return fmt::format(
        "looks ahead{}: outputs{} change with later tokens, so its loss is not comparable",
        declared ? "" : ", although its router declares that it does not", positions_of(records));
  }
  const std::string some = unknown == 0
                               ? ""
                               : fmt::format(" (measured in {} of {} runs)",
                                             std::ssize(records) - unknown, records.size());
  return "causal: no output changes with later tokens" + some;
}

}  // namespace

Table certificates(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                   const std::vector<Record>& records) {
  using Kind = Column::Kind;
  Table table;
  table.name = "certificates";
  table.columns = {{"arm", "arm"},
                   {"plan_kind", "plan"},
                   {"sees", "a token's output may depend on"},
                   {"leak", "largest change by later tokens", Kind::text},
                   {"verdict", "certificate"}};
  for (const Arm& arm : arms) {
    std::vector<const Record*> own;
    for (const Outcome* run : arm.runs)
      own.push_back(&records[static_cast<std::size_t>(run - outcomes.data())]);
    double leak = std::numeric_limits<double>::quiet_NaN();
    for (const Record* record : own) leak = std::fmax(leak, record->leak);
    table.rows.push_back(
        {arm.name, said(own, &Record::plan_kind, kPlans), said(own, &Record::sees, kSees),
         std::isnan(leak) ? Cell() : Cell(fmt::format("{:.3g}", leak)), verdict_of(own, leak)});
  }
  return table;
}

}  // namespace moesim

#include "analysis/tables/column_names.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {
namespace {

const RouterColumn* with_key(const std::vector<RouterColumn>& columns, const std::string& key) {
  const auto found = std::find_if(columns.begin(), columns.end(),
                                  [&](const RouterColumn& one) { return one.column.key == key; });
  return found == columns.end() ? nullptr : &*found;
}

const RouterColumn* with_title(const std::vector<RouterColumn>& columns, const std::string& title) {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const RouterColumn& one) {
    return one.column.title == title;
  });
  return found == columns.end() ? nullptr : &*found;
}

// Suggests a column for an unknown name: by part of the name, then the nearest.
std::string meant_by(const std::string& name, const std::vector<std::string>& keys) {
  constexpr std::size_t kShortest = 3, kMost = 4;
  std::vector<std::string> known = keys, containing;
  const std::vector<std::string>& recorded = recorded_names();
  known.insert(known.end(), recorded.begin(), recorded.end());
  if (name.size() >= kShortest)
    for (const std::string& each : known)
      if (each.find(name) != each.npos && containing.size() < kMost) containing.push_back(each);
  return containing.empty() ? nearest(name, known) : joined(containing, " or ");
}

}  // namespace

RouterColumn find_column(const std::vector<RouterColumn>& columns, const std::string& name,
                         const std::vector<Outcome>& outcomes) {
  if (const RouterColumn* column = with_key(columns, name)) return *column;
  if (std::any_of(outcomes.begin(), outcomes.end(),
                  [&](const Outcome& run) { return run.quantities.contains(name); }))
    return quantity_column(name);
  if (const RouterColumn* column = with_title(columns, name)) return *column;
  std::vector<std::string> keys;
  for (const RouterColumn& column : columns) keys.push_back(column.column.key);
  const std::string near = meant_by(name, keys);
  fail(Exit::usage, "no column or recorded quantity is named '" + terminal_safe(name) + "'" +
                        (near.empty() ? ";" : ": did you mean " + near + "?") + " columns are " +
                        joined(keys) + "; analysis/FORMAT.md has the names of quantities");
}

std::vector<std::string> quantities_among(const std::vector<std::string>& names) {
  const std::vector<RouterColumn> columns = router_columns(nullptr, std::nullopt);
  std::vector<std::string> quantities;
  for (const std::string& name : names)
    if (with_key(columns, name) == nullptr) quantities.push_back(name);
  return quantities;
}

}  // namespace moesim

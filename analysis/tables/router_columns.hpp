// The columns of the table of routers: what each is called, and what it says of an arm.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/tables/target.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// What a column may need beside the arm.
struct RouterRow {
  const Arm& arm;
  const Arm* baseline = nullptr;  // the arm itself is compared with nothing
  Difference difference;          // in loss, to the baseline
  std::optional<Target> target;
};

struct RouterColumn {
  // When the table has it: always, if a target is named, if arms have other tokens, or if it is
  // named itself.
  enum class Shown { always, with_target, other_tokens, named };
  Column column;
  Shown shown = Shown::always;
  std::function<Cell(const RouterRow&)> cell;
  ValueOf value = {};        // of one run, where the cell is a mean over runs
  bool is_quantity = false;  // decimals are chosen for the values
};

// `baseline` and `target` are in titles.
std::vector<RouterColumn> router_columns(const Arm* baseline, const std::optional<Target>& target);

// The column of a recorded quantity: mean ± deviation over complete runs.
RouterColumn quantity_column(const std::string& name);

// True of what says something of losses or their differences.
bool is_of_loss(const std::string& key);
// True of what it takes to reach the target.
bool is_of_target(const std::string& key);
// True of what capacity has dropped in evaluation.
bool is_of_drops(const std::string& key);

// The interval is of one test, its p is adjusted.
inline constexpr const char* kIntervalTitle = "95 %, one test";
inline constexpr const char* kHolmTitle = "p, Holm";

// Throws Exit::usage for a name that is neither the key of a column nor a quantity of an outcome.
RouterColumn find_column(const std::vector<RouterColumn>& columns, const std::string& name,
                         const std::vector<Outcome>& outcomes);

// The names that are no keys of columns.
std::vector<std::string> quantities_among(const std::vector<std::string>& names);

// Decimals at which the largest mean of a quantity has four digits.
int decimals_of(const std::vector<Arm>& arms, const ValueOf& value);

}  // namespace moesim

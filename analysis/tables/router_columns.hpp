// RouterColumn is a column of the routers table: its key and title, when it is shown, and how its
// cells are computed from an arm.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/tables/target.hpp"
#include "sim/core/types.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// RouterRow is the context of a cell besides its arm.
struct RouterRow {
  const Arm& arm;
  const Arm* baseline = nullptr;  // not compared with itself
  Difference difference;          // in loss, from the baseline
  std::optional<Target> target;
};

struct RouterColumn {
  // When the column is shown: always, if --target is given, if arms differ in tokenisation, if runs
  // record the loss from a position on, if they record it under these rules (eval.also), if some
  // began at another run, if some have frozen parameters, or only if --columns names it.
  enum class Shown {
    always,
    with_target,
    other_tokens,
    with_from,
    with_rules,
    with_source,
    with_frozen,
    named
  };
  Column column;
  Shown shown = Shown::always;
  std::function<Cell(const RouterRow&)> cell;
  ValueOf value = {};        // of one run, if the cell is a mean over runs
  bool is_quantity = false;  // decimals depend on the values
};

// Returns all columns. `baseline`, `target` and `from` (common_from) appear in titles.
std::vector<RouterColumn> router_columns(const Arm* baseline, const std::optional<Target>& target,
                                         std::optional<index> from = {});

// Returns the column of a recorded quantity: mean ± deviation over complete runs.
RouterColumn quantity_column(const std::string& name);

// Returns true for columns of losses or their differences.
bool is_of_loss(const std::string& key);
// Returns true for columns of the loss from a position on.
bool is_of_loss_from(const std::string& key);
// Returns true for columns of the cost to reach the target.
bool is_of_target(const std::string& key);
// Returns true for columns of drops in evaluation.
bool is_of_drops(const std::string& key);

// Title of the interval, which is of a single test, unlike the adjusted p beside it.
inline constexpr const char* kIntervalTitle = "95 %, one test";
inline constexpr const char* kHolmTitle = "p, Holm";

// Returns the number of decimals that shows four digits of the largest mean.
int decimals_of(const std::vector<Arm>& arms, const ValueOf& value);

}  // namespace moesim

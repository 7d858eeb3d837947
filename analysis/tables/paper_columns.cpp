#include "analysis/tables/paper_columns.hpp"

#include "analysis/render/choose_columns.hpp"
#include "analysis/render/choose_notes.hpp"
#include "analysis/render/sheet.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace moesim {
namespace {

struct Choice {
  enum class When { always, if_varied };
  std::string_view table, key;  // a key ending in "*" matches every key with that prefix
  When when = When::always;
  std::string_view title = {};  // shorter title, if the table's own is too wide
};

// The columns of `routers` fit the 345 pt of a one-column article with names of 20 characters.
constexpr std::array kChoices = std::to_array<Choice>({
    {"routers", "arm"},
    {"routers", "seeds", Choice::When::if_varied},
    {"routers", "eval_loss"},
    {"routers", "eval_loss_difference"},
    {"routers", "p_holm"},
    {"routers", "train_drops_percent", Choice::When::if_varied},
    {"routers", "drops_percent"},
    {"routers", "load_cv"},
    {"routers", "parameters_active"},
    {"routers", "parameters_total", Choice::When::always, "params"},
    {"routers", "steps_to_target"},
    {"routers", "speedup_steps"},
    {"routers", "target_reached"},
    {"utilization", "arm"},
    {"utilization", "layer"},
    {"utilization", "of", Choice::When::if_varied},
    {"utilization", "seeds", Choice::When::if_varied},
    {"utilization", "load_min"},
    {"utilization", "load_max"},
    {"utilization", "load_cv"},
    {"utilization", "dead_experts"},
    {"utilization", "dropped_percent"},
    {"utilization", "expert_*"},
});

bool names(const Choice& choice, const std::string& key) {
  if (!choice.key.ends_with('*')) return key == choice.key;
  return key.starts_with(choice.key.substr(0, choice.key.size() - 1));
}

bool is_varied(const Table& table, std::size_t column) {
  const auto said = [&](const std::vector<Cell>& row) {
    return for_people(row[column], table.columns[column]);
  };
  return std::any_of(table.rows.begin(), table.rows.end(), [&](const std::vector<Cell>& row) {
    return said(row) != said(table.rows.front());
  });
}

}  // namespace

Table for_paper(const Table& table) {
  std::vector<std::string> keys;
  std::vector<std::string_view> titles;
  for (const Choice& choice : kChoices) {
    if (choice.table != table.name) continue;
    for (std::size_t c = 0; c < table.columns.size(); ++c)
      if (names(choice, table.columns[c].key) &&
          (choice.when == Choice::When::always || is_varied(table, c))) {
        keys.push_back(table.columns[c].key);
        titles.push_back(choice.title);
      }
  }
  if (keys.empty()) return table;
  Table chosen = with_columns(table, keys);
  for (std::size_t c = 0; c < titles.size(); ++c)
    if (!titles[c].empty()) chosen.columns[c].title = titles[c];
  std::set<std::size_t> lost = referred_notes(table);
  for (const std::size_t note : referred_notes(chosen)) lost.erase(note);
  return without_notes(chosen, lost);
}

}  // namespace moesim

#include "analysis/tables/grid.hpp"

#include "analysis/tables/no_limit.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace moesim {
namespace {

using Texts = std::vector<std::string>;
using Values = GridAxis::Values;

std::set<std::string> values_of(const std::vector<const Arm*>& arms, const std::string& setting) {
  std::set<std::string> values;
  for (const Arm* arm : arms)
    if (const std::string* value = value_in(*arm, setting)) values.insert(*value);
  return values;
}

std::optional<double> number_in(const std::string& text) {
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, value);
  return problem == std::errc() && rest == end ? std::optional(value) : std::nullopt;
}

// Returns true if one of the values is a choice ("lora", "false") or turns something off (0, empty).
bool has_choice(const std::set<std::string>& values) {
  constexpr const char* kCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_";
  return std::any_of(values.begin(), values.end(), [](const std::string& value) {
    return value.find_first_not_of(kCharacters) == value.npos &&
           (!number_in(value) || value == "0");
  });
}

// Returns true if other settings explain why only some arms have this one: arms with the same
// values of those settings all have it, or all lack it. The name of a plug-in and a choice of the
// same section can explain it. Other settings, such as a rate that happens to change with it, do
// not.
bool is_explained(const std::vector<const Arm*>& arms, const std::string& setting,
                  const Texts& others) {
  const std::string section = setting.substr(0, setting.find('.') + 1);
  Texts reasons;
  for (const std::string& other : others)
    if (other.ends_with(".name") ||
        (other.starts_with(section) && has_choice(values_of(arms, other))))
      reasons.push_back(other);
  std::map<std::vector<std::optional<std::string>>, bool> has;
  return std::all_of(arms.begin(), arms.end(), [&](const Arm* arm) {
    std::vector<std::optional<std::string>> values;
    for (const std::string& reason : reasons) {
      const std::string* value = value_in(*arm, reason);
      values.push_back(value == nullptr ? std::nullopt : std::optional(*value));
    }
    const bool there = value_in(*arm, setting) != nullptr;
    return has.emplace(std::move(values), there).first->second == there;
  });
}

std::vector<GridAxis> axes_of(const std::vector<const Arm*>& arms) {
  std::vector<GridAxis> axes;
  for (const std::string& setting : telling_settings(arms)) {
    const auto with = std::find_if(axes.begin(), axes.end(), [&](const GridAxis& axis) {
      return change_together(arms, axis.settings[0], setting);
    });
    if (with == axes.end())
      axes.push_back({{setting}});
    else
      with->settings.push_back(setting);
  }
  return axes;
}

std::optional<Values> values_in(const Arm& arm, const GridAxis& axis) {
  Values values;
  for (const std::string& setting : axis.settings) {
    const std::string* value = value_in(arm, setting);
    if (value == nullptr) return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

// Returns the last part of a name, "k" of "router.hash.k", or more parts if others end alike.
std::string shortened(const std::string& name, const Texts& all) {
  std::size_t dot = name.rfind('.');
  for (; dot != name.npos && dot > 0; dot = name.rfind('.', dot - 1)) {
    const std::string end = name.substr(dot);  // includes the dot
    const auto alike = std::count_if(all.begin(), all.end(), [&](const std::string& other) {
      return other.ends_with(end) || other == end.substr(1);
    });
    if (alike == 1) return end.substr(1);
  }
  return name;
}

void complete(GridAxis& axis, const Texts& all) {
  const auto before = [&](const Values& a, const Values& b) {
    const auto differ = std::mismatch(a.begin(), a.end(), b.begin()).first - a.begin();
    const auto i = static_cast<std::size_t>(differ);
    return i < a.size() && value_before(axis.settings[i], a[i], b[i]);
  };
  std::sort(axis.values.begin(), axis.values.end(), before);
  axis.values.erase(std::unique(axis.values.begin(), axis.values.end()), axis.values.end());
  Texts names;
  for (const std::string& setting : axis.settings) names.push_back(shortened(setting, all));
  axis.name = joined(names);
}

}  // namespace

const std::string* value_in(const Arm& arm, const std::string& setting) {
  const auto found = arm.settings.find(setting);
  return found == arm.settings.end() ? nullptr : &found->second;
}

bool value_before(const std::string& setting, const std::string& a, const std::string& b) {
  const bool a_last = is_no_limit(setting, a), b_last = is_no_limit(setting, b);
  if (a_last != b_last) return b_last;
  const auto x = number_in(a), y = number_in(b);
  if (x && y) return *x < *y;
  if (x || y) return x.has_value();
  return a < b;
}

std::vector<std::string> telling_settings(const std::vector<const Arm*>& arms) {
  Texts settings, partial;
  for (const std::string& key : differing_keys(arms))
    (values_of(arms, key).size() > 1 ? settings : partial).push_back(key);
  // Choices first: adapter.kind explains adapter.rank.
  std::stable_partition(partial.begin(), partial.end(),
                        [&](const std::string& key) { return has_choice(values_of(arms, key)); });
  for (const std::string& key : partial)
    if (!is_explained(arms, key, settings)) settings.push_back(key);
  std::sort(settings.begin(), settings.end());
  return settings;
}

bool change_together(const std::vector<const Arm*>& arms, const std::string& a,
                     const std::string& b) {
  std::map<std::optional<std::string>, std::optional<std::string>> forth, back;
  const auto value = [](const Arm& arm, const std::string& setting) {
    const std::string* text = value_in(arm, setting);
    return text == nullptr ? std::nullopt : std::optional(*text);
  };
  for (const Arm* arm : arms) {
    const auto x = value(*arm, a), y = value(*arm, b);
    if (forth.emplace(x, y).first->second != y || back.emplace(y, x).first->second != x)
      return false;
  }
  return true;
}

std::string GridAxis::text(const Values& values) {
  Texts shown;
  for (const std::string& value : values) shown.push_back(value.empty() ? "empty" : value);
  const bool alike =
      std::adjacent_find(shown.begin(), shown.end(), std::not_equal_to<>()) == shown.end();
  return alike ? shown.at(0) : joined(shown, " / ");
}

std::string GridAxis::settings_text() const { return joined(settings); }

const Arm* Grid::arm(std::size_t row, std::size_t column) const {
  const auto found = arms.find({rows.values.at(row), columns.values.at(column)});
  return found == arms.end() ? nullptr : found->second;
}

std::optional<Grid> grid_of(const std::vector<const Arm*>& arms) {
  const std::vector<GridAxis> axes = axes_of(arms);
  if (axes.size() != 2) return std::nullopt;
  Grid grid{axes[0], axes[1], {}};
  for (const Arm* arm : arms) {
    const std::optional<Values> row = values_in(*arm, grid.rows);
    const std::optional<Values> column = values_in(*arm, grid.columns);
    if (!row || !column || !grid.arms.emplace(std::pair(*row, *column), arm).second)
      return std::nullopt;
    grid.rows.values.push_back(*row);
    grid.columns.values.push_back(*column);
  }
  Texts all = grid.rows.settings;
  all.insert(all.end(), grid.columns.settings.begin(), grid.columns.settings.end());
  for (GridAxis* axis : {&grid.rows, &grid.columns}) complete(*axis, all);
  if (2 * grid.arms.size() <= grid.rows.values.size() * grid.columns.values.size())
    return std::nullopt;
  return grid;
}

}  // namespace moesim

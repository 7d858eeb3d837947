#include "sim/config/config_file.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim {

Setting ConfigFile::Axis::setting(const std::string& item) const {
  constexpr std::size_t kLongest = 64;  // longer lists cannot be one number
  if (list.size() > kLongest) return {item, origin};
  // An item of a range is not written out in the list.
  const std::size_t at = list.find(item);
  const bool known = column > 0 && at != std::string::npos;
  return {item, origin, list, known ? column + config::column_of(list, at) - 1 : 0};
}

}  // namespace moesim

namespace moesim::config {
namespace {

using Axis = ConfigFile::Axis;
using Zip = ConfigFile::Zip;
using Variant = ConfigFile::Variant;

Place place_of(const Axis& axis) { return {axis.origin, axis.key, joined(axis.items)}; }

struct Column {
  const Zip* zip = nullptr;
  Axis* axis = nullptr;
};

Column find_column(ConfigFile& file, const std::string& key) {
  for (Zip& zip : file.zips)
    for (Axis& axis : zip.columns)
      if (axis.key == key) return {&zip, &axis};
  return {};
}

void erase_axis(ConfigFile& file, const std::string& key) {
  std::erase_if(file.sweep, [&key](const Axis& axis) { return axis.key == key; });
}

// Removes the value or the axis of the other key that sets the same thing as `key`.
void erase_synonym(ConfigFile& file, const std::string& key) {
  file.values.erase(synonym_of(key));
  erase_axis(file, synonym_of(key));
}

template <class Named>
void erase_same_names(std::vector<Named>& base, const std::vector<Named>& top) {
  std::erase_if(base, [&top](const Named& old) {
    return std::any_of(top.begin(), top.end(),
                       [&old](const Named& one) { return one.name == old.name; });
  });
}

void check_replaceable(ConfigFile& base, const std::string& key, const Place& place) {
  if (const Column column = find_column(base, key); column.zip != nullptr)
    place.reject(fmt::format("a column of [zip.{}] ({}); give a list of {} values, or edit the zip",
                             column.zip->name, column.axis->origin, column.axis->items.size()));
  for (const Variant& variant : base.variants)
    if (const auto found = variant.values.find(key); found != variant.values.end())
      place.reject(fmt::format("set by [variant.{}] ({}); change it there", variant.name,
                               found->second.origin));
}

void lay_value(ConfigFile& base, const std::string& key, const Setting& setting) {
  const Place place{setting.origin, key, setting.value};
  check_replaceable(base, key, place);
  check_replaceable(base, synonym_of(key), place);
  erase_axis(base, key);
  base.values[key] = setting;
}

void lay_axis(ConfigFile& base, const Axis& axis) {
  if (const Column column = find_column(base, axis.key); column.zip != nullptr) {
    if (column.axis->items.size() != axis.items.size())
      place_of(axis).reject(fmt::format(
          "{} values for a column of [zip.{}] ({}) that has {}; give as many, or edit the zip",
          axis.items.size(), column.zip->name, column.axis->origin, column.axis->items.size()));
    *column.axis = axis;
    return;
  }
  const auto same = std::find_if(base.sweep.begin(), base.sweep.end(),
                                 [&axis](const Axis& other) { return other.key == axis.key; });
  if (same == base.sweep.end()) {
    base.sweep.push_back(axis);
  } else {
    *same = axis;
  }
}

}  // namespace

void lay_over(ConfigFile& base, const ConfigFile& top) {
  // Whole replacements first: the plain values of `top` are the baseline of its variants.
  erase_same_names(base.zips, top.zips);
  erase_same_names(base.variants, top.variants);
  for (const auto& [key, setting] : top.values) erase_synonym(base, key);
  for (const Axis& axis : top.sweep) erase_synonym(base, axis.key);
  for (const auto& [key, setting] : top.values) lay_value(base, key, setting);
  for (const Axis& axis : top.sweep) lay_axis(base, axis);
  for (const Zip& zip : top.zips)
    for (const Axis& column : zip.columns) erase_axis(base, column.key);
  base.zips.insert(base.zips.end(), top.zips.begin(), top.zips.end());
  base.variants.insert(base.variants.end(), top.variants.begin(), top.variants.end());
  base.exclusions.insert(base.exclusions.end(), top.exclusions.begin(), top.exclusions.end());
}

std::string synonym_of(const std::string& key) {
  constexpr const char* kSame[][2] = {{"eval.batches", "eval.sequences"}};
  for (const auto& [one, other] : kSame) {
    if (key == one) return other;
    if (key == other) return one;
  }
  return "";
}

void check_zips(const ConfigFile& file) {
  for (const Zip& zip : file.zips) {
    if (zip.columns.empty())
      fail(Exit::usage, fmt::format("{}: [zip.{}] is empty; write key = list lines, or remove it",
                                    zip.origin, zip.name));
    const Axis& first = zip.columns.front();
    for (const Axis& column : zip.columns)
      if (column.items.size() != first.items.size())
        place_of(column).reject(fmt::format(
            "{} values, but {} ({}) has {}; the lists of [zip.{}] need equal lengths",
            column.items.size(), first.key, first.origin, first.items.size(), zip.name));
  }
}

void check_exclusions(const ConfigFile& file, const ConfigFile& all) {
  if (file.exclusions.empty()) return;
  std::map<std::string, std::set<std::string>> possible;
  const auto add_axis = [&possible](const Axis& axis) {
    for (const std::string& item : axis.items) possible[axis.key].insert(canonical(item));
  };
  for (const auto& [key, setting] : all.values) possible[key].insert(canonical(setting.value));
  for (const Axis& axis : all.sweep) add_axis(axis);
  for (const Zip& zip : all.zips)
    for (const Axis& column : zip.columns) add_axis(column);
  for (const Variant& variant : all.variants)
    for (const auto& [key, setting] : variant.values)
      possible[key].insert(canonical(setting.value));

  for (const ConfigFile::Exclusion& exclusion : file.exclusions) {
    for (const auto& [key, value] : exclusion.terms) {
      const Place place{exclusion.origin, "when", key + ":" + value};
      const auto found = possible.find(key);
      if (found == possible.end()) {
        std::vector<std::string> keys;
        for (const auto& [candidate, values] : possible) keys.push_back(candidate);
        const std::string best = nearest(key, keys);
        place.reject("nothing here sets this key; " +
                     (best.empty() ? "name one that is swept" : "did you mean " + best + "?"));
      }
      if (found->second.count(canonical(value)) == 0) {
        const std::vector<std::string> values(found->second.begin(), found->second.end());
        place.reject("no run has this value; choose one of " + printable(joined(values), 200));
      }
    }
  }
}

std::size_t setting_count(const ConfigFile& file) {
  std::size_t count = file.values.size() + file.sweep.size() + file.exclusions.size();
  for (const Zip& zip : file.zips) count += 1 + zip.columns.size();
  for (const Variant& variant : file.variants) count += 1 + variant.values.size();
  return count;
}

std::size_t item_count(const ConfigFile& file) {
  std::size_t count = 0;
  for (const Axis& axis : file.sweep) count += axis.items.size();
  for (const Zip& zip : file.zips)
    for (const Axis& column : zip.columns) count += column.items.size();
  return count;
}

}  // namespace moesim::config

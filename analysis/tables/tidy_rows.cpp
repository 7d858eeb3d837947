#include "analysis/tables/tidy_rows.hpp"

#include "analysis/render/escape.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <vector>

namespace moesim {
namespace {

// Slot is a coordinate of a row, in the order of the columns.
enum Slot : std::size_t { kStep, kLayer, kExpert, kDomain, kSlots, kInName = kSlots };

struct Axis {
  const char* dimension;
  const char* labels;  // variable with the labels
  Slot slot;
};
constexpr std::array kAxes = std::to_array<Axis>({{"step", "step", kStep},
                                                  {"eval", "eval_step", kStep},
                                                  {"record", "record_step", kStep},
                                                  {"layer", "layer", kLayer},
                                                  {"expert", "expert", kExpert},
                                                  {"domain", "domain", kDomain}});

constexpr std::size_t kLongestNumber = 32;

// Appends the shortest text that parses to the same number of the variable's type.
void append_number(std::string& text, double value, Variable::Type type) {
  if (std::isnan(value)) return;
  const std::size_t size = text.size();
  text.resize(size + kLongestNumber);
  char* const first = text.data() + size;
  char* const last = first + kLongestNumber;
  constexpr double kPlain = 1e15;  // integers below this have no exponent
  std::to_chars_result result{};
  if (std::trunc(value) == value && std::abs(value) < kPlain)
    result = std::to_chars(first, last, static_cast<std::int64_t>(value));
  else if (type == Variable::Type::float32)
    result = std::to_chars(first, last, static_cast<float>(value));
  else
    result = std::to_chars(first, last, value);
  text.resize(size + static_cast<std::size_t>(result.ptr - first));
}

// Returns the labels along an axis; 0, 1, … if the run has none.
std::vector<std::string> labels_of(const Run& run, const std::string& name, std::int64_t length) {
  std::vector<std::string> labels;
  const Variable* variable = run.file.find(name);
  const bool fits =
      variable != nullptr && variable->dims.size() == 1 && variable->shape[0] == length;
  for (std::int64_t i = 0; i < length; ++i) {
    const auto place = static_cast<std::size_t>(i);
    std::string label;
    if (fits && variable->type == Variable::Type::text)
      label = brief(variable->texts[place], 200);
    else
      append_number(label, fits ? variable->values[place] : static_cast<double>(i),
                    Variable::Type::int64);
    labels.push_back(std::move(label));
  }
  return labels;
}

struct Dimension {
  Slot slot = kInName;
  std::vector<std::string> labels;
  std::size_t place = 0;  // index in the current row
};

Dimension dimension_of(const Run& run, const std::string& name, std::int64_t length) {
  const auto axis = std::find_if(kAxes.begin(), kAxes.end(),
                                 [&](const Axis& known) { return known.dimension == name; });
  if (axis == kAxes.end()) return {kInName, labels_of(run, name, length)};
  Dimension dimension{axis->slot, labels_of(run, axis->labels, length)};
  for (std::string& label : dimension.labels) label = csv_cell(label);
  return dimension;
}

// Advances to the next row, last dimension first; false after the last row.
bool advance(std::vector<Dimension>& dimensions) {
  for (auto d = dimensions.rbegin(); d != dimensions.rend(); ++d) {
    if (++d->place < d->labels.size()) return true;
    d->place = 0;
  }
  return false;
}

// Returns the names of a quantity, one per label of the dimensions without a column:
// "aux_loss/balance".
std::vector<std::string> names_of(const Variable& variable,
                                  const std::vector<Dimension>& dimensions) {
  std::vector<std::string> names{variable.name};
  for (const Dimension& dimension : dimensions) {
    if (dimension.slot != kInName) continue;
    std::vector<std::string> longer;
    for (const std::string& name : names)
      for (const std::string& label : dimension.labels) longer.push_back(name + "/" + label);
    names = std::move(longer);
  }
  for (std::string& name : names) name = csv_cell(name);
  return names;
}

void append_variable(const Run& run, const Variable& variable, std::string_view prefix,
                     std::string& text, const std::function<void()>& full) {
  if (variable.values.empty()) return;
  std::vector<Dimension> dimensions;
  std::size_t count = 1;
  for (std::size_t d = 0; d < variable.dims.size(); ++d) {
    dimensions.push_back(dimension_of(run, variable.dims[d], variable.shape[d]));
    count *= dimensions.back().labels.size();
  }
  if (count != variable.values.size()) return;
  const std::vector<std::string> names = names_of(variable, dimensions);
  for (const double value : variable.values) {
    std::array<const std::string*, kSlots> cells{};
    std::size_t name = 0;
    for (const Dimension& dimension : dimensions) {
      if (dimension.slot == kInName)
        name = name * dimension.labels.size() + dimension.place;
      else
        cells[dimension.slot] = &dimension.labels[dimension.place];
    }
    text += prefix;
    for (const std::string* cell : cells) {
      if (cell != nullptr) text += *cell;
      text += ',';
    }
    text += names[name];
    text += ',';
    append_number(text, value, variable.type);
    text += "\r\n";
    advance(dimensions);
    full();
  }
}

}  // namespace

bool is_label(const std::string& name) {
  return name == "aux" || std::any_of(kAxes.begin(), kAxes.end(), [&](const Axis& axis) {
           return axis.labels == name || axis.dimension == name;
         });
}

void append_rows(const Run& run, const std::set<std::string>& chosen, std::string_view prefix,
                 std::string& text, const std::function<void()>& full) {
  for (const Variable& variable : run.file.variables()) {
    if (variable.type == Variable::Type::text || is_label(variable.name)) continue;
    if (!chosen.empty() && !chosen.contains(variable.name)) continue;
    append_variable(run, variable, prefix, text, full);
  }
}

}  // namespace moesim

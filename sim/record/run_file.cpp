#include "sim/record/run_file.hpp"

#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/axes.hpp"
#include "sim/record/block.hpp"
#include "sim/record/block_store.hpp"
#include "sim/record/digest.hpp"
#include "sim/record/encode.hpp"
#include "sim/record/image.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace moesim {
namespace {

constexpr std::string_view kWhere = "run file";

void check_name(const std::string& name) {
  if (!is_plain_name(name))
    fail_in(kWhere, "'" + name + "' is not a name: letters, digits and _, at most 64");
}

void check_variable(const Variable& variable) {
  check_name(variable.name);
  for (const std::string& dim : variable.dims) check_name(dim);
  if (variable.dims.size() != variable.shape.size() || variable.dims.size() > 4)
    fail_in(kWhere, variable.name + ": " + std::to_string(variable.dims.size()) +
                        " dimensions for a shape of rank " + std::to_string(variable.shape.size()) +
                        " (at most 4)");
  for (const std::int64_t size : variable.shape)
    if (size < 0) fail_in(kWhere, variable.name + ": negative size");
  const bool text = variable.type == Variable::Type::text;
  const auto held =
      static_cast<std::int64_t>(text ? variable.texts.size() : variable.values.size());
  const std::int64_t count = count_of(variable.shape);
  if (held + finished_rows(variable) * row_values(variable.shape) != count)
    fail_in(kWhere, variable.name + ": " + std::to_string(held) + " values for a shape of " +
                        std::to_string(count));
  for (const std::string& value : variable.texts)
    if (value.find('\0') != std::string::npos)
      fail_in(kWhere, variable.name + ": a text with a NUL byte");
}

}  // namespace

bool is_plain_name(const std::string& name) {
  const auto allowed = [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); };
  return !name.empty() && name.size() <= 64 && !std::isdigit(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), allowed);
}

bool is_setting_name(const std::string& name) {
  const auto allowed = [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) || c == '_' || c == '-' || c == '.');
  };
  return name.size() <= 200 && name.find('.', 1) < name.size() - 1 &&
         std::isalpha(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), allowed);
}

void RunFile::attribute(const std::string& name, Attribute value) {
  if (!is_setting_name(name)) check_name(name);
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->find('\0') != std::string::npos)
    fail_in(kWhere, "attribute " + name + ": a text with a NUL byte");
  if (attributes_.insert_or_assign(name, std::move(value)).second) attribute_order_.push_back(name);
}

void RunFile::declare(const std::string& name, Variable::Type type, std::vector<std::string> dims,
                      std::vector<std::int64_t> inner_shape, std::string long_name,
                      std::string units, std::string description) {
  if (type == Variable::Type::text) fail_in(kWhere, name + ": texts are put whole, not appended");
  if (find(name) != nullptr) fail_in(kWhere, name + " is declared twice");
  inner_shape.insert(inner_shape.begin(), 0);
  Variable variable{.name = name,
                    .type = type,
                    .dims = std::move(dims),
                    .shape = std::move(inner_shape),
                    .values = {},
                    .texts = {},
                    .long_name = std::move(long_name),
                    .units = std::move(units),
                    .growing = true,
                    .description = std::move(description)};
  check_variable(variable);
  variables_.push_back(std::move(variable));
}

void RunFile::append(const std::string& name, const std::vector<double>& row) {
  Variable* variable = find_mutable(name);
  if (variable == nullptr) fail_in(kWhere, "append to " + name + ", which was not declared");
  if (!variable->growing) fail_in(kWhere, "append to " + name + ", which was put whole");
  const std::int64_t expected = count_of({variable->shape.begin() + 1, variable->shape.end()});
  const auto size = static_cast<std::int64_t>(row.size());
  const bool list = variable->dims.size() == 1;
  if (size != expected && !list)
    fail_in(kWhere, name + ": a row of " + std::to_string(row.size()) + " values, expected " +
                        std::to_string(expected));
  variable->values.insert(variable->values.end(), row.begin(), row.end());
  variable->shape[0] += list ? size : 1;
}

void RunFile::put(Variable variable) {
  check_variable(variable);
  if (Variable* old = find_mutable(variable.name))
    *old = std::move(variable);
  else
    variables_.push_back(std::move(variable));
}

const Variable* RunFile::find(const std::string& name) const {
  const auto found = std::find_if(variables_.begin(), variables_.end(),
                                  [&](const Variable& variable) { return variable.name == name; });
  return found == variables_.end() ? nullptr : &*found;
}

std::string RunFile::text(const std::string& name, const std::string& otherwise) const {
  const auto found = attributes_.find(name);
  const auto* value =
      found == attributes_.end() ? nullptr : std::get_if<std::string>(&found->second);
  return value == nullptr ? otherwise : *value;
}

Variable* RunFile::find_mutable(const std::string& name) {
  return const_cast<Variable*>(find(name));
}

std::vector<double> RunFile::all_values(const std::string& name) const {
  const Variable* variable = find(name);
  const bool whole = variable != nullptr && variable->type == Variable::Type::int64;
  if (!whole && (variable == nullptr || variable->type != Variable::Type::float64))
    fail_in(kWhere, name + ": no variable of float64 or int64");
  std::vector<double> values;
  const auto each =
      static_cast<std::size_t>(block_rows(variable->shape) * row_values(variable->shape));
  for (const RowBlock& block : variable->blocks) {
    const std::string stored = unfiltered(store_->read(block), sizeof(double), each);
    for (std::size_t i = 0; i < each; ++i) {
      std::int64_t integer = 0;
      double number = 0;
      std::memcpy(&integer, stored.data() + i * sizeof integer, sizeof integer);
      std::memcpy(&number, stored.data() + i * sizeof number, sizeof number);
      values.push_back(whole ? static_cast<double>(integer) : number);
    }
  }
  values.insert(values.end(), variable->values.begin(), variable->values.end());
  return values;
}

Image RunFile::image() const {
  const std::vector<Axis> axes = axes_of(variables_);
  check_conservation(*this);
  return encode(*this, axes, digest());
}

std::string RunFile::bytes() const { return image().bytes(); }

void RunFile::publish(const std::string& path) const { image().publish(path); }

std::string RunFile::digest() const {
  Sha256 sum;
  add_attributes(sum, attributes_);
  std::vector<const Variable*> by_name;
  for (const Variable& variable : variables_) by_name.push_back(&variable);
  std::sort(by_name.begin(), by_name.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const Variable* variable : by_name) {
    add_description(sum, *variable);
    for (const RowBlock& block : variable->blocks) sum.add(block.leaf);
    const auto each =
        static_cast<std::size_t>(block_rows(variable->shape) * row_values(variable->shape));
    const std::size_t count = variable->values.size();
    for (std::size_t first = 0; first < count; first += each)
      sum.add(leaf_of(stored_values(*variable, first, std::min(each, count - first))));
  }
  return sum.hex();
}

void RunFile::finish_blocks() {
  const auto block_values = [](const Variable& variable) {
    return static_cast<std::size_t>(block_rows(variable.shape) * row_values(variable.shape));
  };
  const auto is_due = [&](const Variable& variable) {
    return variable.growing && variable.values.size() >= kLeastBlockValues &&
           variable.values.size() >= block_values(variable);
  };
  if (std::none_of(variables_.begin(), variables_.end(), is_due)) return;
  check_conservation(*this);
  if (store_ == nullptr) store_ = std::make_shared<BlockStore>();
  for (Variable& variable : variables_) {
    const std::size_t each = block_values(variable);
    std::size_t done = 0;
    if (!is_due(variable)) continue;
    for (; done + each <= variable.values.size(); done += each) {
      const std::string stored = stored_values(variable, done, each);
      variable.blocks.push_back(store_->add(block_key(variable), leaf_of(stored),
                                            filtered(stored, bytes_each(variable.type))));
    }
    variable.values.erase(variable.values.begin(),
                          variable.values.begin() + static_cast<std::ptrdiff_t>(done));
  }
}

}  // namespace moesim

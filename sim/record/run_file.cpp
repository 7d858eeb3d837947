#include "sim/record/run_file.hpp"

#include "sim/core/error.hpp"
#include "sim/data/sha256.hpp"
#include "sim/record/axes.hpp"
#include "sim/record/encode.hpp"
#include "sim/record/publish.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr std::string_view kWhere = "run file";

// Names are plain words, so that they are the same in HDF5, Python, a shell and a table.
void check_name(const std::string& name) {
  const auto allowed = [](unsigned char c) { return c < 0x80 && (std::isalnum(c) || c == '_'); };
  if (name.empty() || name.size() > 64 || std::isdigit(static_cast<unsigned char>(name[0])) ||
      !std::all_of(name.begin(), name.end(), allowed))
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
  const std::size_t held = text ? variable.texts.size() : variable.values.size();
  if (static_cast<std::int64_t>(held) != count_of(variable.shape))
    fail_in(kWhere, variable.name + ": " + std::to_string(held) + " values for a shape of " +
                        std::to_string(count_of(variable.shape)));
  for (const std::string& value : variable.texts)
    if (value.find('\0') != std::string::npos)
      fail_in(kWhere, variable.name + ": a text with a NUL byte");
}

}  // namespace

void RunFile::attribute(const std::string& name, Attribute value) {
  check_name(name);
  const auto* text = std::get_if<std::string>(&value);
  if (text != nullptr && text->find('\0') != std::string::npos)
    fail_in(kWhere, "attribute " + name + ": a text with a NUL byte");
  if (attributes_.insert_or_assign(name, std::move(value)).second) attribute_order_.push_back(name);
}

void RunFile::declare(const std::string& name, Variable::Type type, std::vector<std::string> dims,
                      std::vector<std::int64_t> inner_shape, std::string long_name,
                      std::string units) {
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
                    .growing = true};
  check_variable(variable);
  variables_.push_back(std::move(variable));
}

void RunFile::append(const std::string& name, const std::vector<double>& row) {
  Variable* variable = find_mutable(name);
  if (variable == nullptr) fail_in(kWhere, "append to " + name + ", which was not declared");
  if (!variable->growing) fail_in(kWhere, "append to " + name + ", which was put whole");
  const std::int64_t expected = count_of({variable->shape.begin() + 1, variable->shape.end()});
  if (static_cast<std::int64_t>(row.size()) != expected)
    fail_in(kWhere, name + ": a row of " + std::to_string(row.size()) + " values, expected " +
                        std::to_string(expected));
  variable->values.insert(variable->values.end(), row.begin(), row.end());
  ++variable->shape[0];
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

std::string RunFile::bytes() const {
  const std::vector<Axis> axes = axes_of(variables_);
  check_conservation(*this);
  RunFile whole = *this;
  whole.attribute("sha256", digest());
  return encode(whole, axes);
}

std::string RunFile::digest() const {
  Sha256 sum;
  for (const auto& [name, value] : attributes_) {
    if (name == "sha256" || name == "moesim_schema") continue;  // those that encode() adds
    sum.add(name + "=");
    std::visit([&](const auto& v) { sum.add(fmt::format("{}\n", v)); }, value);
  }
  std::vector<const Variable*> by_name;
  for (const Variable& variable : variables_) by_name.push_back(&variable);
  std::sort(by_name.begin(), by_name.end(),
            [](const auto* a, const auto* b) { return a->name < b->name; });
  for (const Variable* each : by_name) {
    const Variable& variable = *each;
    sum.add(fmt::format("{} {} {}\n{}\n{}\n", variable.name, fmt::join(variable.dims, ","),
                        fmt::join(variable.shape, ","), variable.long_name, variable.units));
    for (const std::string& text : variable.texts) sum.add(text + "\n");
    if (variable.type == Variable::Type::float32) {
      const std::vector<float> stored(variable.values.begin(), variable.values.end());
      sum.add({reinterpret_cast<const char*>(stored.data()), stored.size() * sizeof(float)});
    } else {
      sum.add({reinterpret_cast<const char*>(variable.values.data()),
               variable.values.size() * sizeof(double)});
    }
  }
  return sum.hex();
}

void RunFile::publish(const std::string& path) const { publish_bytes(path, bytes()); }

}  // namespace moesim

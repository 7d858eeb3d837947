#include "sim/record/pack.hpp"

#include "sim/record/block.hpp"

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace moesim {
namespace {

class Packer {
 public:
  template <class Number>
  void number(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void text(const std::string& value) {
    number(value.size());
    bytes_ += value;
  }
  void numbers(const std::vector<double>& values) {
    number(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Unpacker {
 public:
  explicit Unpacker(std::string_view bytes) : left_(bytes) {}

  template <class Number>
  Number number() {
    Number value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  // Reads a count of elements of at least `bytes_each` bytes, bounded by the bytes that are left.
  std::size_t count(std::size_t bytes_each) {
    const auto value = number<std::size_t>();
    if (value > left_.size() / bytes_each) cut();
    return value;
  }
  std::string text() { return std::string(take(count(1))); }
  std::vector<double> numbers() {
    std::vector<double> values(count(sizeof(double)));
    const std::string_view from = take(values.size() * sizeof(double));
    if (!values.empty()) std::memcpy(values.data(), from.data(), from.size());
    return values;
  }

 private:
  [[noreturn]] static void cut() { throw std::runtime_error("damaged (its values are cut off)"); }
  std::string_view take(std::size_t size) {
    if (size > left_.size()) cut();
    const std::string_view taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }

  std::string_view left_;
};

void pack_variable(Packer& packer, const Variable& variable) {
  packer.text(variable.name);
  packer.number(variable.type);
  packer.number(variable.dims.size());
  for (std::size_t i = 0; i < variable.dims.size(); ++i) {
    packer.text(variable.dims[i]);
    packer.number(variable.shape[i]);
  }
  packer.numbers(variable.values);
  packer.number(variable.texts.size());
  for (const std::string& text : variable.texts) packer.text(text);
  packer.text(variable.long_name);
  packer.text(variable.units);
  packer.number(variable.growing);
  packer.number(variable.blocks.size());
}

Variable unpack_variable(Unpacker& unpacker, const RowBlocks& finished) {
  Variable variable;
  variable.name = unpacker.text();
  variable.type = unpacker.number<Variable::Type>();
  for (std::size_t rank = unpacker.count(1); rank > 0; --rank) {
    variable.dims.push_back(unpacker.text());
    variable.shape.push_back(unpacker.number<std::int64_t>());
  }
  variable.values = unpacker.numbers();
  for (std::size_t texts = unpacker.count(1); texts > 0; --texts)
    variable.texts.push_back(unpacker.text());
  variable.long_name = unpacker.text();
  variable.units = unpacker.text();
  variable.growing = unpacker.number<char>() != 0;
  if (const auto blocks = unpacker.number<std::size_t>(); blocks > 0) {
    const auto found = finished.find(block_key(variable));
    if (found == finished.end() || found->second.size() != blocks)
      throw std::runtime_error("damaged (its blocks are not there)");
    variable.blocks = found->second;
  }
  return variable;
}

}  // namespace

// Leaves out attributes that repeat settings: the config has them, and earlier versions do not
// accept their names.
std::string pack(const RunFile& run) {
  std::vector<std::string> names = run.attribute_order();
  std::erase_if(names, is_setting_name);
  Packer packer;
  packer.number(names.size());
  for (const std::string& name : names) {
    const Attribute& value = run.attributes().at(name);
    packer.text(name);
    packer.number(static_cast<char>(value.index()));
    if (const auto* text = std::get_if<std::string>(&value)) packer.text(*text);
    if (const auto* real = std::get_if<double>(&value)) packer.number(*real);
    if (const auto* integer = std::get_if<std::int64_t>(&value)) packer.number(*integer);
  }
  packer.number(run.variables().size());
  for (const Variable& variable : run.variables()) pack_variable(packer, variable);
  return packer.take();
}

RunFile unpack(const std::string& bytes, const RowBlocks& finished) {
  Unpacker unpacker(bytes);
  RunFile run;
  for (std::size_t left = unpacker.count(1); left > 0; --left) {
    const std::string name = unpacker.text();
    switch (unpacker.number<char>()) {
      case 0:
        run.attribute(name, unpacker.text());
        break;
      case 1:
        run.attribute(name, unpacker.number<double>());
        break;
      default:
        run.attribute(name, unpacker.number<std::int64_t>());
    }
  }
  for (std::size_t left = unpacker.count(1); left > 0; --left)
    run.put(unpack_variable(unpacker, finished));
  return run;
}

}  // namespace moesim

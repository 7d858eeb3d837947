// The run file: everything that one training run recorded, published whole (see
// analysis/FORMAT.md).
//
// Variables are collected in memory and written by publish(): a temporary beside the target,
// closed, fsynced, renamed. The published file is never open for writing, so it opens at every
// instant.
//
// A dimension is a name with one length: all variables over "record" have the same number of rows
// whenever the file is published. A one-dimensional variable that has the name of its dimension
// ("step", "layer") holds its labels.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

// One variable: dims name its axes; the first axis of a growing variable is unlimited. Values are
// row-major.
struct Variable {
  enum class Type { float32, float64, int32, int64, text };
  std::string name;
  Type type = Type::float32;
  std::vector<std::string> dims;    // e.g. {"record", "layer", "expert"}
  std::vector<std::int64_t> shape;  // same rank as dims
  std::vector<double> values;       // numbers of any type (exact up to 2^53)
  std::vector<std::string> texts;   // Type::text
  std::string long_name;            // attribute: one sentence
  std::string units;                // attribute, "" if none
  bool growing = false;             // declared, not put: `append` adds rows
};

using Attribute = std::variant<std::string, double, std::int64_t>;

// Written as the attribute moesim_schema; a change that an old reader would misread counts it up.
inline constexpr std::int64_t kRunFileSchema = 1;

class RunFile {
 public:
  void attribute(const std::string& name, Attribute value);
  // Declares a variable of which `append` adds rows along the first dim; inner sizes are fixed.
  void declare(const std::string& name, Variable::Type type, std::vector<std::string> dims,
               std::vector<std::int64_t> inner_shape, std::string long_name,
               std::string units = "");
  void append(const std::string& name, const std::vector<double>& row);
  void append(const std::string& name, double value) { append(name, std::vector<double>{value}); }
  // A whole variable at once (replaces).
  void put(Variable variable);

  const Variable* find(const std::string& name) const;
  const std::map<std::string, Attribute>& attributes() const { return attributes_; }
  // The text of an attribute; `otherwise` if it is absent or of another kind.
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  // Names in the order in which they were first set.
  const std::vector<std::string>& attribute_order() const { return attribute_order_; }
  const std::vector<Variable>& variables() const { return variables_; }

  // Checks dimensions and conservation (throws Exit::internal naming record, layer and both sides),
  // then writes `path`. Throws Exit::output with the path and the reason if any byte could not be
  // written; `path` is then as it was.
  void publish(const std::string& path) const;
  // SHA-256 of every attribute (but itself and the schema) and of every variable, as they are
  // stored.
  std::string digest() const;
  // What publish() writes: with the digest as the attribute "sha256".
  std::string bytes() const;

 private:
  Variable* find_mutable(const std::string& name);

  std::map<std::string, Attribute> attributes_;
  std::vector<std::string> attribute_order_;
  std::vector<Variable> variables_;
};

// Reads attributes and variables back (resume, analysis). The file may come from anywhere: what it
// declares is checked before it is believed (limits: sim/record/README.md). Throws Exit::data, one
// line with the path and the reason.
RunFile read_run_file(const std::string& path);

}  // namespace moesim

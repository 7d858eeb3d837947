// The run file: everything that one training run recorded, published whole (see
// analysis/FORMAT.md).
//
// The latest rows are collected in memory; older ones are compressed once, in blocks, which may lie
// in a file. publish() writes all of them: a temporary beside the target, closed, fsynced, renamed.
// The published file is never open for writing, so it opens at every instant.
//
// A dimension is a name with one length: all variables over "record" have the same number of rows
// whenever the file is published. A one-dimensional variable that has the name of its dimension
// ("step", "layer") holds its labels.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

class BlockStore;

// Rows of a variable that are finished: compressed, as a chunk of HDF5.
struct RowBlock {
  std::uint64_t offset = 0;  // in a BlockStore
  std::uint32_t bytes = 0;
  std::string leaf;  // 32 bytes: SHA-256 of the values
};

class Image;

// One variable: dims name its axes; the first axis of a growing variable is unlimited. Values are
// row-major.
struct Variable {
  enum class Type { float32, float64, int32, int64, text };
  std::string name;
  Type type = Type::float32;
  std::vector<std::string> dims;      // e.g. {"record", "layer", "expert"}
  std::vector<std::int64_t> shape;    // same rank as dims
  std::vector<double> values;         // numbers of any type, integers up to 2^53
  std::vector<std::string> texts;     // Type::text
  std::string long_name;              // attribute: a few words, for axes of figures
  std::string units;                  // attribute, "" if none
  bool growing = false;               // declared, not put: `append` adds rows
  std::vector<RowBlock> blocks = {};  // of the first rows; `values` holds those that follow
  std::string description = {};       // attribute: a sentence, "" if none
};

using Attribute = std::variant<std::string, double, std::int64_t>;

// Written as the attribute moesim_schema; a change that an old reader would misread counts it up.
inline constexpr std::int64_t kRunFileSchema = 1;

// Letters, digits and _, at most 64, no digit first: the same in HDF5, Python, a shell and a table.
bool is_plain_name(const std::string& name);

// The full key of a setting: "router.token_choice.k". Attributes of such names repeat what the
// attribute `config` says. They are no part of the digest: earlier readers leave them alone.
bool is_setting_name(const std::string& name);
inline constexpr std::size_t kMostSettings = 160;  // a file with more has none of them

class RunFile {
 public:
  void attribute(const std::string& name, Attribute value);
  // Declares a variable of which `append` adds rows along the first dim; inner sizes are fixed.
  void declare(const std::string& name, Variable::Type type, std::vector<std::string> dims,
               std::vector<std::int64_t> inner_shape, std::string long_name, std::string units = "",
               std::string description = "");
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
  // What publish() writes, with the digest as an attribute.
  Image image() const;
  std::string bytes() const;
  // SHA-256 of every attribute (but the digest and the schema) and of every variable, as they are
  // stored (digest.hpp).
  std::string digest() const;

  // Finished blocks go there from now on. The store may hold blocks of these variables already.
  void keep_blocks(std::shared_ptr<BlockStore> store) { store_ = std::move(store); }
  const std::shared_ptr<BlockStore>& block_store() const { return store_; }
  // Compresses the rows that fill blocks and leaves them in the store; to be called when all rows
  // of a record are there. Checks conservation before, since nobody reads them again here.
  void finish_blocks();
  // Every value of a variable of float64 or int64, those in finished blocks too.
  std::vector<double> all_values(const std::string& name) const;

 private:
  Variable* find_mutable(const std::string& name);

  std::map<std::string, Attribute> attributes_;
  std::vector<std::string> attribute_order_;
  std::vector<Variable> variables_;
  std::shared_ptr<BlockStore> store_;
};

// Reads all back but descriptions and attributes that repeat settings. From anywhere: what a file
// declares is checked before it is believed (limits: sim/record/README.md). Throws Exit::data, one
// line with the path and the reason. reader.hpp reads parts, and many files.
RunFile read_run_file(const std::string& path);

}  // namespace moesim

// RunFile is everything that one training run recorded: attributes and variables, published
// atomically as an HDF5 file (format: analysis/FORMAT.md).
//
// The latest rows are in memory; older ones are compressed once, in blocks, which may be in a file.
// publish() writes everything: a temporary, closed, fsynced, renamed. The published file is never
// open for writing, so it is readable at any moment.
//
// A dimension is a name with one length: all variables over "record" have the same number of rows
// whenever the file is published. A one-dimensional variable with the name of its dimension
// ("step", "layer") holds its labels.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

// kMissing fills a recorded row where there is no value.
inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

class BlockStore;

// RowBlock is a finished block of a variable's rows, compressed to one HDF5 chunk.
struct RowBlock {
  std::uint64_t offset = 0;  // in a BlockStore
  std::uint32_t bytes = 0;
  std::string leaf;  // 32 bytes: SHA-256 of the values
};

class Image;

// Variable is a named array. `dims` names its axes; the first axis of a growing variable is
// unlimited. Values are row-major.
struct Variable {
  enum class Type { float32, float64, int32, int64, text, uint8 };
  std::string name;
  Type type = Type::float32;
  std::vector<std::string> dims;      // e.g. {"record", "layer", "expert"}
  std::vector<std::int64_t> shape;    // same rank as dims
  std::vector<double> values;         // numbers of any type, integers up to 2^53
  std::vector<std::string> texts;     // values of Type::text
  std::string long_name;              // attribute: a few words, for axes of figures
  std::string units;                  // attribute, "" if none
  bool growing = false;               // made by declare(): append() adds rows
  std::vector<RowBlock> blocks = {};  // the first rows; `values` holds the others
  std::string description = {};       // attribute: a sentence, "" if none
};

using Attribute = std::variant<std::string, double, std::int64_t>;

// The value of the attribute moesim_schema. Increment it for changes that an old reader would
// misread.
inline constexpr std::int64_t kRunFileSchema = 1;

// True for a name of at most 64 letters, digits and _ that does not begin with a digit: valid in
// HDF5, Python, shells and tables.
bool is_plain_name(const std::string& name);

// True for the full key of a setting: "router.token_choice.k". Attributes of such names repeat the
// settings in the attribute `config`. The digest leaves them out; readers of earlier versions
// ignore them.
bool is_setting_name(const std::string& name);
inline constexpr std::size_t kMostSettings = 160;  // files with more store none

class RunFile {
 public:
  void attribute(const std::string& name, Attribute value);
  // Declares a variable to which append() adds rows along the first dimension; inner sizes are
  // fixed. Of a variable with one dimension it adds any number of rows at once.
  void declare(const std::string& name, Variable::Type type, std::vector<std::string> dims,
               std::vector<std::int64_t> inner_shape, std::string long_name, std::string units = "",
               std::string description = "");
  void append(const std::string& name, const std::vector<double>& row);
  void append(const std::string& name, double value) { append(name, std::vector<double>{value}); }
  // Sets or replaces a whole variable.
  void put(Variable variable);

  const Variable* find(const std::string& name) const;
  const std::map<std::string, Attribute>& attributes() const { return attributes_; }
  // The text of an attribute; `otherwise` if it is absent or not a text.
  std::string text(const std::string& name, const std::string& otherwise = "") const;
  // Names in the order in which they were first set.
  const std::vector<std::string>& attribute_order() const { return attribute_order_; }
  const std::vector<Variable>& variables() const { return variables_; }

  // Checks dimensions and conservation (throws Exit::internal with record, layer and both sides),
  // then writes `path` atomically. Throws Exit::output with the path and the reason if that fails;
  // `path` is then unchanged.
  void publish(const std::string& path) const;
  // The file that publish() writes, with the digest as an attribute.
  Image image() const;
  std::string bytes() const;
  // SHA-256 of every variable and of every attribute except digest and schema (digest.hpp).
  std::string digest() const;

  // Sets the store of finished blocks. It may already hold blocks of these variables.
  void keep_blocks(std::shared_ptr<BlockStore> store) { store_ = std::move(store); }
  const std::shared_ptr<BlockStore>& block_store() const { return store_; }
  // Compresses the rows that fill blocks and moves them to the store. Call it when all rows of a
  // record are complete. Checks conservation first, because publish() checks only rows in memory.
  void finish_blocks();
  // All values of a float64 or int64 variable, including those in finished blocks.
  std::vector<double> all_values(const std::string& name) const;

 private:
  Variable* find_mutable(const std::string& name);

  std::map<std::string, Attribute> attributes_;
  std::vector<std::string> attribute_order_;
  std::vector<Variable> variables_;
  std::shared_ptr<BlockStore> store_;
};

// Reads a run file except descriptions and attributes that repeat settings. The file may be
// untrusted (limits: sim/record/README.md). Throws Exit::data, one line with the path and the
// reason. reader.hpp reads excerpts of many files.
RunFile read_run_file(const std::string& path);

}  // namespace moesim

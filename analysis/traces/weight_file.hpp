// Reads the weights of mixings and mergings that `moesim route` writes (analysis/FORMAT.md, Traces).
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/runs/read.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// SlotMap is the weights of one sequence in one layer of a mixing.
struct SlotMap {
  std::size_t tokens = 0;
  std::vector<std::string> slots;         // names: the expert; of several slots, EXPERT.SLOT
  std::vector<double> dispatch, combine;  // [tokens, slots]
};

// WeightFile is the weights in one file.
class WeightFile {
 public:
  enum class Kind { mixing, merging };
  // Throws NoAssignments (analysis/traces/trace.hpp) if the file has none of this kind, Exit::usage for
  // another step, or Exit::data for a damaged file.
  WeightFile(const std::string& path, Kind kind, std::optional<std::int64_t> step);

  const Run& run() const { return run_; }
  std::string name() const;
  std::int64_t length() const { return length_; }                      // of a sequence
  const std::vector<std::int64_t>& layers() const { return layers_; }  // that it has, ascending
  // Ids of the tokens; empty: none.
  const std::vector<std::int32_t>& ids() const { return ids_; }

  // Layer and sequence (mixing) or first token (merging) of every row of the file.
  struct Row {
    std::int64_t layer = 0, first = 0, tokens = 0;
  };
  const std::vector<Row>& rows() const { return rows_; }
  // Throws Exit::data for weights with gaps, or that do not sum to 1.
  SlotMap slot_map(std::size_t row);
  std::vector<std::vector<double>> merge_weights();  // of every row: [experts of the layer]

 private:
  std::vector<double> numbers(const std::string& name) const;
  // The lengths of a variable, of which the first is not told; empty: absent. Throws Exit::data if it has
  // another number of rows than the variable `labels`.
  std::vector<std::int64_t> shape_of(const std::string& name, const std::string& labels = "");
  void check_tokens();
  void check_layers();
  void check_order(Kind kind) const;
  void check_axes(Kind kind);
  // what: those whose weights sums[i] adds up.
  void check_sums(const std::string& name, const char* what, const std::vector<double>& sums) const;
  Variable rows_of(const std::string& name, std::size_t first, std::int64_t count);
  [[noreturn]] void bad(const std::string& what) const;

  Run run_;
  RunReader reader_;
  std::int64_t length_ = 0, tokens_ = 0;
  std::vector<Row> rows_;
  std::vector<std::int64_t> layers_;
  std::vector<std::int32_t> ids_;
};

// Calls use() with every file; one without such weights becomes a note. Throws NoAssignments if that is
// so of all.
void each_weight_file(const std::vector<std::string>& paths, Table& table, WeightFile::Kind kind,
                      std::optional<std::int64_t> step,
                      const std::function<void(WeightFile&)>& use);

// The entropy of weights that sum to 1, in nats: - Σ w log w. Their sum is divided by.
double weight_entropy(const std::vector<double>& weights);

}  // namespace moesim

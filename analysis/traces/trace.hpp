// Reads traces of run files (analysis/FORMAT.md, Traces), one layer at a time.
#pragma once

#include "analysis/runs/read.hpp"
#include "sim/core/error.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// TraceLayer is one MoE layer of one trace. Rows of expert e are begin[e] .. begin[e + 1] - 1.
struct TraceLayer {
  std::vector<std::size_t> begin;  // [E + 1]
  std::vector<std::int32_t> token;
  std::vector<float> gate;
  std::vector<std::uint8_t> served, choice;
};

// NoAssignments says that a readable run file lists no assignments.
class NoAssignments : public Error {
 public:
  explicit NoAssignments(const std::string& message) : Error(Exit::data, message) {}
};

// TracedRun is the traces of one file.
class TracedRun {
 public:
  // step: only the traces of this step. Throws NoAssignments, Exit::usage for a step that is not
  // traced, or Exit::data for a damaged file.
  explicit TracedRun(const std::string& path, std::optional<std::int64_t> step = {});

  const Run& run() const { return run_; }
  std::size_t traces() const { return steps_.size(); }
  std::int64_t step(std::size_t trace) const { return steps_.at(trace); }
  std::size_t layers() const { return labels_.size(); }
  std::int64_t label(std::size_t layer) const { return labels_.at(layer); }  // its block
  std::int64_t experts() const { return experts_; }  // of the layer with most
  std::int64_t tokens() const { return tokens_; }    // of a trace
  std::int64_t length() const { return length_; }
  std::int64_t pass_tokens() const { return pass_tokens_; }
  std::int64_t k_max() const { return k_max_; }
  bool fixed() const { return fixed_; }
  // A setting of the run's router, router.NAME.KEY, as in its config; "" if it has none.
  std::string router_setting(const std::string& key) const;
  double router_number(const std::string& key, double otherwise) const;

  enum class Parts { all, choices };  // choices: without gate and served
  TraceLayer read(std::size_t trace, std::size_t layer, Parts parts = Parts::all);
  // Ids and domains of the tokens of a trace; empty if the data have none.
  std::vector<std::int32_t> token_ids(std::size_t trace);
  std::vector<std::int32_t> domains(std::size_t trace);
  std::vector<std::string> domain_names();
  // The losses at the tokens of a trace, NaN where there is none; empty if the file has none.
  std::vector<double> losses(std::size_t trace);

 private:
  // Calls take() with the rows of a variable, a slice at a time.
  void each_slice(const std::string& name, std::int64_t first, std::int64_t count,
                  const std::function<void(const std::vector<double>&)>& take);
  void require_few_tokens() const;  // that one reply of the reader holds
  std::vector<std::int32_t> of_tokens(const std::string& name, std::size_t trace);

  Run run_;
  std::map<std::string, std::string> settings_;
  RunReader reader_;
  std::int64_t place(std::size_t trace) const {  // in the file
    return static_cast<std::int64_t>(places_.at(trace));
  }
  // Calls check(); what it finds is damage of this file.
  void checked(const std::function<void()>& check) const;
  void check_sizes();
  std::int64_t rows_of_begins();  // checked
  void keep(std::int64_t step);

  std::vector<std::int64_t> steps_, labels_;
  std::vector<std::size_t> places_;  // of the traces in the file
  std::int64_t experts_ = 0, tokens_ = 0, length_ = 0, pass_tokens_ = 0, k_max_ = 0;
  bool fixed_ = false;
};

}  // namespace moesim

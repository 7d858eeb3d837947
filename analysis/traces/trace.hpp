// Reads traces of run files (analysis/FORMAT.md, Traces), one layer at a time.
#pragma once

#include "analysis/runs/read.hpp"

#include <cstdint>
#include <map>
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

// TracedRun is the traces of one file.
class TracedRun {
 public:
  // Throws Exit::data if the file has no traces of assignments.
  explicit TracedRun(const std::string& path);

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

  TraceLayer read(std::size_t trace, std::size_t layer);
  // The token ids of a trace; empty for data without ids.
  std::vector<std::int32_t> ids(std::size_t trace);

 private:
  std::vector<double> rows(const std::string& name, std::int64_t first, std::int64_t count);

  Run run_;
  std::map<std::string, std::string> settings_;
  RunReader reader_;
  std::vector<std::int64_t> steps_, labels_;
  std::int64_t experts_ = 0, tokens_ = 0, length_ = 0, pass_tokens_ = 0, k_max_ = 0;
  bool fixed_ = false;
};

}  // namespace moesim

// RegretTable collects what other experts would have done for the tokens of several runs.
#pragma once

#include "analysis/render/table.hpp"
#include "sim/data/dataset.hpp"
#include "sim/train/regret.hpp"

#include <string>
#include <vector>

namespace moesim {

enum class RegretBy { layer, domain, frequency };

class RegretTable {
 public:
  explicit RegretTable(RegretBy by);

  // layers: the blocks of the MoE layers. The rows are layers and, of more than one, `all` of them;
  // or the labels of tokens, over all layers. Throws Exit::data if the data have no such labels.
  void add(const std::string& run, const RegretSample& sample, const std::vector<index>& layers,
           const DatasetInfo& data);
  void leave_out(const std::string& why) { note(why); }
  bool empty() const { return table_.rows.empty(); }
  const Table& table() const { return table_; }

 private:
  using Tokens = std::vector<const TokenRegret*>;
  void add_row(const std::string& run, const std::string& label, const Tokens& tokens,
               index sequences);
  void add_verdict(const std::string& run, const RegretSample& sample);
  void note(const std::string& text);

  RegretBy by_;
  Table table_;
};

}  // namespace moesim

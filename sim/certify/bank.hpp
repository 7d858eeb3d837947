// Bank is an expert bank with random weights and rows: the fixture of an expert's certificate.
// Internal to sim/certify.
#pragma once

#include "sim/certify/specimen.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim::certificate {

// Counts the floating-point operations of matrix products: two per multiply-add.
class CountingBackend : public CpuBackend {
 public:
  using CpuBackend::CpuBackend;
  void product(const Product& p) override;
  void linear(const Linear& l, real* slope, real* y) override;
  double counted = 0;
};

using Loads = std::vector<index>;  // rows of each segment

class Bank {
 public:
  Bank(const Subject& subject, const Sites& sites);
  Bank(const Subject& subject, const ExpertSite& site);

  // Draws every parameter: its constant initial value plus noise. Buffers keep their initial
  // values.
  void randomise(std::uint64_t draw);
  // Rows in one segment per load, and `behind` padding rows.
  Rows rows(std::uint64_t draw, const Loads& loads, index behind = 0);
  // The same with a mix of experts per segment, whose weights sum to 1.
  Rows merged_rows(std::uint64_t draw, const Loads& loads);
  Tensor apply(const Rows& rows) const { return expert_->apply(rows); }

  const ExpertSite& site() const { return site_; }
  CountingBackend& backend() { return backend_; }
  const Expert& expert() const { return *expert_; }
  // Without frozen ones, which experts may share.
  const std::vector<Parameter>& parameters() const { return parameters_; }
  const std::vector<Parameter>& frozen() const { return frozen_; }
  const std::vector<Parameter>& buffers() const { return buffers_; }

 private:
  void start();
  CountingBackend backend_{1};  // first member: it owns the memory of the others
  ExpertSite site_;
  std::unique_ptr<Expert> expert_;
  std::vector<Parameter> parameters_, frozen_, buffers_;
};

// Makes expert e of a bank a bank of its own. mix: the expert with weights Σ_e mix[e] · weights of
// e.
void copy_expert(const Bank& bank, index e, Bank& single);
void copy_merged(const Bank& bank, const real* mix, Bank& single);

// True if it accepts merged weights; if not, the item "merged" says why.
bool can_merge(Bank& bank);

// The largest difference of `count` values, or 0 if it is within rounding.
double change_beyond_rounding(const real* a, const real* b, index count);

// Uneven loads of E segments: 3, 0, 1, 4, 3, ... from position `turn`.
Loads uneven(index experts, index turn = 0);

// The checks, one per item.
Item check_stack(const Subject& subject);
Item check_expert_state(const Subject& subject);
Item check_expert_gradient(const Subject& subject, Certificate& certificate);
Item check_expert_paths(const Subject& subject);
Item check_rows(const Subject& subject);
Item check_experts(const Subject& subject);
Item check_merged(const Subject& subject);
Item check_cost(const Subject& subject);
Item check_expert_threads(const Subject& subject);
Item check_expert_edges(const Subject& subject);

// The certificate of the subject's expert.
Certificate certify_expert(const Subject& subject);

}  // namespace moesim::certificate

// EagerPasses is the implementation of Passes that launches every kernel of every step.
#pragma once

#include "sim/train/passes.hpp"

namespace moesim {

class EagerPasses : public Passes {
 public:
  // why: the reason why steps are not replayed.
  EagerPasses(Transformer& model, Backend& backend, index domains, std::string why = "");
  StepOutcome run(const StepBatch& batch, Watch watch) override;
  std::string replay() const override { return why_; }

 private:
  Transformer& model_;
  Backend& backend_;
  index domains_;
  std::string why_;
  std::vector<Parameter> parameters_;
};

}  // namespace moesim

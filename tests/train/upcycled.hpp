// Upcycled runs, for tests of what is made of dense networks.
#pragma once

#include "sim/train/output_change.hpp"
#include "tests/record/samples.hpp"
#include "tests/train/kept.hpp"

#include <cmath>
#include <string>

namespace moesim::testing {

inline const Values kDense = {"run.steps",     "3",  "router.name",  "dense", "eval.every", "0",
                              "expert.hidden", "32", "model.layers", "2"};

// A trained dense run in a folder.
struct Source {
  // shift: added to the matrices into hidden units, so that their mean is not 0.
  explicit Source(const Values& more = {}, real shift = 0) : run(with(kDense, more), folder / "") {
    for (const Parameter& p : run.trainer->parameters()) {  // biases that start at 0 train little
      if (p.init.kind != Init::Kind::constant) continue;
      std::vector<real> values = p.value.to_host();
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] += real(0.1) * static_cast<real>(std::sin(static_cast<double>(i)));
      p.value.from_host(values);
    }
    run.finish();
    for (const Parameter& p : run.trainer->parameters()) {
      if (shift == 0 || !p.name.ends_with("experts.w1")) continue;
      std::vector<real> values = p.value.to_host();
      for (real& value : values) value += shift;
      p.value.from_host(values);
    }
    run.checkpointer.write("");
  }
  TemporaryFolder folder;
  Kept run;
};

// A sparse model made of the dense one, and how its outputs differ.
struct Upcycled {
  Upcycled(Source& source, const Values& more, const std::string& router = "token_choice")
      : sparse(with({"run.steps", "3", "router.name", router, "model.layers", "2",
                     "router.token_choice.capacity_factor", "0",
                     "router.token_choice.capacity_factor_eval", "0", "init.method", "upcycle",
                     "init.from", source.folder / ""},
                    more),
               1) {
    started = sparse.trainer->take_start();
    change = output_change(*source.run.model, source.run.backend, *sparse.model, sparse.backend,
                           *sparse.task, sparse.trainer->evaluator());
  }
  Training sparse;
  Started started;
  OutputChange change;
};

inline Values choice(const Values& options) {
  Values values;
  for (std::size_t i = 0; i < options.size(); i += 2) {
    values.push_back("router.token_choice." + options[i]);
    values.push_back(options[i + 1]);
  }
  return values;
}

}  // namespace moesim::testing

#include "sim/moe/policies/id_table.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {

IdTable::IdTable(Options& options, const Site& site) {
  used_ =
      site.layer < options.integer("hash_layers", 0, {0, 1 << 20},
                                   "number of first blocks whose MoE layers choose by token id");
  if (used_)
    options.explain(
        Topic::selection,
        "block " + std::to_string(site.layer) +
            ": the token id decides, by a fixed table in place of l + b; scores give the "
            "gates");
  if (used_ && site.vocabulary == 0)
    options.reject("hash_layers", "the data has no token ids; set hash_layers = 0");
}

Tensor IdTable::values(const Tensor& table, const Tokens& tokens) const {
  if (tokens.ids.size() == 0) fail_in("hash_layers", "there are no token ids");
  return gather_rows(table, tokens.ids);
}

}  // namespace moesim

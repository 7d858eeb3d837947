#include "sim/record/trace_variables.hpp"

namespace moesim {

void declare_trace(RunFile& file, const TraceSizes& sizes) {
  using Type = Variable::Type;
  file.declare("trace_step", Type::int64, {"trace"}, {}, "step of the trace", "",
               "training step whose assignments are listed");
  file.declare("trace_begin", Type::int64, {"trace", "layer", "trace_bound"},
               {sizes.layers, sizes.experts + 1}, "first row", "",
               "place of an expert's first row in trace_token and the like; the last is the end");
  file.declare("trace_token", Type::int32, {"row"}, {}, "token", "",
               "place in the step's batch: sequence · trace_length + position");
  file.declare("trace_gate", Type::float32, {"row"}, {}, "gate", "",
               "weight of the expert's output; of a dropped one, that of its choice");
  file.declare("trace_served", Type::uint8, {"row"}, {}, "served", "", "0: dropped by capacity");
  file.declare("trace_choice", Type::uint8, {"row"}, {}, "choice", "",
               "which of its token's choices it is, from 0");
  if (sizes.ids)
    file.declare("trace_token_id", Type::int32, {"trace", "token"}, {sizes.tokens}, "token id", "",
                 "of the model's input");
  if (sizes.domains)
    file.declare("trace_domain", Type::int32, {"trace", "token"}, {sizes.tokens}, "domain", "",
                 "of the token");
  if (sizes.losses)
    file.declare("trace_loss", Type::float64, {"trace", "token"}, {sizes.tokens}, "loss", "nat",
                 "of the prediction at the token; NaN if it has none");
}

}  // namespace moesim

#include "experiments/commands/task_names.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

bool routes_by_task(const Transformer& model) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    if (model.moe_layer(i).router().traits().labelled) return true;
  return false;
}

}  // namespace

index task_number(const std::string& name, const DatasetInfo& data) {
  if (data.domains.empty())
    fail(Exit::usage, fmt::format("command line: --task {}: the run's data have no tasks",
                                  config::printable(name)));
  const auto at = std::find(data.domains.begin(), data.domains.end(), name);
  if (at != data.domains.end()) return at - data.domains.begin();
  const std::string near = nearest(name, data.domains);
  fail(Exit::usage,
       fmt::format("command line: --task {}: no task of the run's data: {}there are {}",
                   config::printable(name), near.empty() ? "" : "did you mean " + near + "? ",
                   joined(data.domains)));
}

void add_task_argument(Arguments& arguments) {
  arguments.value("task", "",
                  "task of the text, for routers that route by it: a label of data.tasks, or "
                  "another domain of the data");
}

std::vector<std::int32_t> task_of_text(const Arguments& arguments, const Experiment& e) {
  const std::string name = arguments.text("task"), router = e.model->config().router;
  if (!routes_by_task(*e.model)) {
    if (arguments.given("task"))
      fail(Exit::usage,
           fmt::format("command line: --task {}: {}; leave it out", config::printable(name),
                       router == "task"
                           ? "the run's data have no tasks, and all tokens take the same experts"
                           : fmt::format("router.name = {} does not route by task", router)));
    return {};
  }
  if (!arguments.given("task"))
    fail(Exit::usage, fmt::format("command line: router.name = {} needs the task of the text: "
                                  "--task NAME, one of {}",
                                  router, joined(e.data->info().domains)));
  return {static_cast<std::int32_t>(task_number(name, e.data->info()))};
}

}  // namespace moesim

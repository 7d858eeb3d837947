#include "experiments/commands/slurm_arguments.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {

void declare_slurm(Arguments& arguments) {
  arguments.group("On a cluster")
      .value("launcher", "local", "slurm: submit a job array instead of training",
             Offer::one_of({"local", "slurm"}))
      .flag("print", "with --launcher slurm: print the script, submit nothing")
      .value("partition", "", "Slurm partition; empty: the cluster's default")
      .value(
          "time", "",
          "time limit of a task, such as 02:00:00; a task that reaches it is requeued and resumes")
      .value("mem", "", "memory of a task, such as 4G; empty: the cluster's default")
      .value("account", "", "Slurm account; empty: the cluster's default")
      .value("qos", "", "Slurm quality of service; empty: the cluster's default")
      .value("gres", "",
             "generic resources of a task, such as gpu:1; empty: one GPU for each device in "
             "run.device; none: no resources")
      .value("throttle", "0", "most concurrent tasks of the array; 0: the cluster's limit")
      .value("cpus", "1", "processors per task")
      .value("signal", "60",
             "seconds before the limit at which Slurm signals a task to write its checkpoint");
}

bool is_for_slurm(const Arguments& arguments) {
  if (arguments.text("launcher") == "slurm") return true;
  for (const char* option : {"partition", "time", "mem", "account", "qos", "gres"})
    if (!arguments.text(option).empty())
      fail(Exit::usage, fmt::format("command line: --{} needs --launcher slurm", option));
  if (arguments.has("print")) fail(Exit::usage, "command line: --print needs --launcher slurm");
  return false;
}

SlurmOptions slurm_options(const Arguments& arguments) {
  return {.partition = arguments.text("partition"),
          .time = arguments.text("time"),
          .memory = arguments.text("mem"),
          .account = arguments.text("account"),
          .qos = arguments.text("qos"),
          .throttle = arguments.integer("throttle", 0, 1000000),
          .cpus = static_cast<int>(arguments.integer("cpus", 1, 4096)),
          .signal_seconds = static_cast<int>(arguments.integer("signal", 0, 65535)),
          .gres = arguments.text("gres")};
}

}  // namespace moesim

#include "experiments/cluster/slurm.hpp"

#include "sim/core/error.hpp"
#include "sim/io/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>
#include <utility>

namespace moesim {
namespace {

// The end of the script, after the program's command. `wait` returns early when a trap has run, so
// it is repeated; bash remembers the status of a child that it has reaped.
constexpr std::string_view kTask = R"bash(
# Signals go to the program, which stops with a checkpoint and exit code 75.
asked='' early='' interrupted=''
forward() {
  asked=$1 interrupted=1
  if [ -n "$!" ]; then kill -s "$1" "$!" 2> /dev/null; else early=$1; fi
}
trap 'forward USR1' USR1
trap 'forward TERM' TERM

echo "task $task: run $run, start $((${SLURM_RESTART_COUNT:-0} + 1)) on $HOSTNAME"
"$program" run "$plan" --only "$run" &
[ -z "$early" ] || kill -s "$early" "$!" 2> /dev/null
while :; do
  interrupted=''
  wait "$!"
  code=$?
  [ -n "$interrupted" ] || break
done
trap '' USR1 TERM

# Killed by the signal: it came before the program could handle it.
if [ -n "$asked" ] && { [ "$code" -eq $((128 + $(kill -l USR1))) ] || [ "$code" -eq 143 ]; }; then code=75; fi
echo "task $task: exit code $code${asked:+ after $asked}"

# A task that stopped by itself is put back into the queue, and one at its time limit. Other tasks that Slurm is ending
# are left to it: it requeues preempted ones, and scontrol would bring cancelled ones back to life.
if [ "$code" -eq 75 ]; then
  state=$(squeue --noheader --states=all --jobs="$task" --format='%T %r')
  case $state in
    RUNNING* | 'COMPLETING TimeLimit') scontrol requeue "$task" && echo "task $task: back into the queue" ;;
    *) echo "task $task: stopped with a checkpoint; left to Slurm (${state:-squeue does not answer})" ;;
  esac
fi
exit "$code"
)bash";

// Rejects line breaks in names: a new line could be taken for a directive.
void require_one_line(const std::string& what, const std::string& text) {
  if (text.empty()) fail(Exit::usage, "slurm: the " + what + " is empty; name one");
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      fail(Exit::usage, "slurm: the " + what + " has a control character; rename it");
}

void require_word(const std::string& option, const std::string& value) {
  constexpr std::string_view extra = "_.:,+-";
  const bool good = value.size() <= 64 && std::all_of(value.begin(), value.end(), [&](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || extra.find(c) != extra.npos;
                    });
  if (!good)
    fail(Exit::usage, "slurm: --" + option +
                          ": expected at most 64 letters, digits and _.:,+- as sbatch takes them");
}

void require_range(const std::string& option, long value, long low, long high) {
  if (value < low || value > high)
    fail(Exit::usage, fmt::format("slurm: --{} {}: expected a whole number from {} to {}", option,
                                  value, low, high));
}

std::string quoted_for_bash(const std::string& text) {
  std::string quoted = "'";
  for (const char c : text) c == '\'' ? quoted += "'\\''" : quoted += c;
  return quoted + "'";
}

// Quotes a value for sbatch directives, where a backslash within double quotes escapes the next
// character.
std::string quoted_for_sbatch(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

// Escapes a folder for a file name pattern of sbatch. A backslash would disable the pattern.
std::string for_pattern(const std::string& folder) {
  if (folder.find('\\') != folder.npos)
    fail(Exit::usage, "slurm: the log folder has a backslash, which sbatch cannot take; rename it");
  std::string text;
  for (const char c : folder) c == '%' ? text += "%%" : text += c;
  return text;
}

// Formats task numbers: 0-5,7.
std::string array_of(const std::vector<std::size_t>& runs, std::size_t base) {
  std::string text;
  for (std::size_t i = 0, last; i < runs.size(); i = last + 1) {
    for (last = i; last + 1 < runs.size() && runs[last + 1] == runs[last] + 1;) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", runs[i] - base);
    if (last > i) text += fmt::format("-{}", runs[last] - base);
  }
  return text;
}

std::string one_line(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);)
    if (!line.empty()) lines.push_back(line);
  return joined(lines, "; ");
}

bool parse_number(std::string_view text, std::size_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

std::vector<SlurmPart> slurm_parts(std::vector<std::size_t> runs, std::size_t max_array_size) {
  std::sort(runs.begin(), runs.end());
  runs.erase(std::unique(runs.begin(), runs.end()), runs.end());
  max_array_size = std::max<std::size_t>(max_array_size, 2);  // 0: the cluster has no arrays
  std::vector<SlurmPart> parts;
  for (const std::size_t run : runs) {
    if (parts.empty() || run - parts.back().base >= max_array_size)
      // Keep task number = run number where possible.
      parts.push_back({run < max_array_size ? 0 : run, {}});
    parts.back().runs.push_back(run);
  }
  return parts;
}

std::size_t slurm_max_array_size() {
  std::istringstream lines(run_program({"scontrol", "show", "config"}).out);
  std::string name, equals, value;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::size_t size = 0;
    if (words >> name >> equals >> value && name == "MaxArraySize" && parse_number(value, size))
      return size;
  }
  return 1001;
}

std::string slurm_script(const SlurmOptions& options, const std::string& job_name,
                         const std::string& program, const std::string& plan,
                         const std::vector<std::size_t>& runs, const std::string& log_folder,
                         std::size_t base) {
  require_one_line("job's name", job_name);
  require_one_line("program's path", program);
  require_one_line("plan's path", plan);
  require_one_line("log folder", log_folder);
  require_range("throttle", options.throttle, 0, 1000000);
  require_range("cpus", options.cpus, 1, 4096);
  require_range("signal", options.signal_seconds, 0, 65535);
  if (runs.empty() || runs.front() < base || !std::is_sorted(runs.begin(), runs.end()) ||
      std::adjacent_find(runs.begin(), runs.end()) != runs.end())
    fail_in("slurm_script", "runs must be increasing numbers from the base on");

  std::string script = "#!/bin/bash\n";
  const auto directive = [&](const std::string& name, const std::string& value) {
    script += "#SBATCH --" + name + (value.empty() ? "" : "=" + value) + "\n";
  };
  directive("job-name", quoted_for_sbatch(job_name));
  directive("array", array_of(runs, base) +
                         (options.throttle > 0 ? fmt::format("%{}", options.throttle) : ""));
  directive("ntasks", "1");
  directive("cpus-per-task", std::to_string(options.cpus));
  for (const auto& [name, value] :
       {std::pair<std::string, const std::string&>{"partition", options.partition},
        {"time", options.time},
        {"mem", options.memory},
        {"account", options.account},
        {"qos", options.qos},
        {"gres", options.gres}}) {
    require_word(name, value);
    if (!value.empty()) directive(name, value);
  }
  if (options.signal_seconds > 0)
    directive("signal", fmt::format("B:USR1@{}", options.signal_seconds));
  directive("requeue", "");
  directive("open-mode", "append");
  directive("output", quoted_for_sbatch(for_pattern(log_folder) + "/%A_%a.log"));

  script += "\nprogram=" + quoted_for_bash(program) + "\nplan=" + quoted_for_bash(plan) + "\n";
  script += fmt::format("run=$((SLURM_ARRAY_TASK_ID + {}))\n", base + 1);  // --only counts from 1
  script += "task=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID\n";
  script += fmt::format("export OMP_NUM_THREADS=${{SLURM_CPUS_PER_TASK:-{}}}\n", options.cpus);
  return script.append(kTask);
}

std::string submit_to_slurm(const std::string& script_path) {
  const ProgramRun output = run_program({"sbatch", "--parsable", script_path});
  if (!output.found)
    fail(Exit::usage, "sbatch: not found; run on a login node, or print the script with --print");
  if (!output.good) {
    const std::string said = one_line(output.error);
    fail(Exit::internal, said.empty() ? "sbatch: failed and said nothing" : said);
  }
  std::string job = output.out.substr(0, output.out.find_first_of(";\n"));  // NUMBER;CLUSTER
  std::size_t number = 0;
  if (!parse_number(job, number))
    fail(Exit::internal, "sbatch: expected the number of a job, got: " + one_line(output.out));
  return job;
}

std::map<std::size_t, std::string> slurm_states(const std::string& job_id, std::size_t base) {
  std::map<std::size_t, std::string> states;
  std::istringstream lines(run_program({"squeue", "--array", "--noheader", "--states=all",
                                        "--jobs=" + job_id, "--format=%K %T"})
                               .out);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string task, state;
    std::size_t number = 0;
    if (words >> task >> state && parse_number(task, number)) states[base + number] = state;
  }
  return states;
}

}  // namespace moesim

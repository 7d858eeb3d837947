// Writes and submits Slurm job arrays with one task per run, and queries their states. A task that
// stops with a checkpoint (exit code 75) requeues itself; Slurm requeues preempted tasks.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// SlurmOptions is the options of sbatch. Empty texts: the cluster's defaults.
struct SlurmOptions {
  std::string partition, time, memory, account, qos;
  long throttle = 0;  // most concurrent tasks of an array; 0: the cluster's limit
  int cpus = 1;       // per task, and its OMP_NUM_THREADS
  // Seconds before the time limit at which Slurm signals a task to write its checkpoint; Slurm may
  // be up to 60 s early. 0: no signal.
  int signal_seconds = 60;
  std::string gres;  // generic resources per task, such as gpu:1
};

// SlurmPart is one job array of a sweep. Task numbers are below the cluster's MaxArraySize, so a
// large sweep needs several arrays. Task t is run base + t.
struct SlurmPart {
  std::size_t base = 0;
  std::vector<std::size_t> runs;  // increasing
};
// Splits runs into arrays.
std::vector<SlurmPart> slurm_parts(std::vector<std::size_t> runs, std::size_t max_array_size);

// The cluster's MaxArraySize from scontrol; 1001, Slurm's default, if scontrol fails.
std::size_t slurm_max_array_size();

// The batch script of one array. It calls PROGRAM run PLAN --only N + 1 for every N of `runs`, all
// at least `base`. Relative paths start from the folder where sbatch is called. The log folder must
// exist when a task starts. Throws Exit::usage for values that Slurm could misinterpret.
std::string slurm_script(const SlurmOptions& options, const std::string& job_name,
                         const std::string& program, const std::string& plan,
                         const std::vector<std::size_t>& runs, const std::string& log_folder,
                         std::size_t base = 0);

// Submits the script with sbatch and returns the job number. Throws Exit::usage without sbatch, and
// Exit::internal with sbatch's message if it fails.
std::string submit_to_slurm(const std::string& script_path);

// Run -> state from squeue (PENDING, RUNNING, COMPLETED, ...) of the array with this base. Empty
// without squeue, and for jobs that Slurm has deleted (MinJobAge after their end).
std::map<std::size_t, std::string> slurm_states(const std::string& job_id, std::size_t base = 0);

}  // namespace moesim

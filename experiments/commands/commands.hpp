// Declares the subcommands of moesim. Each receives the words after its name and returns the exit
// code; results go to stdout, everything else to stderr. Invalid usage throws Error.
#pragma once

#include <string>
#include <vector>

namespace moesim {

class Arguments;

using Words = std::vector<std::string>;

int run_command(const Words& words);
int status_command(const Words& words);
int verify_command(const Words& words);
int compare_command(const Words& words);
int export_command(const Words& words);
int explain_command(const Words& words);
int plot_command(const Words& words);
int report_command(const Words& words);
int sample_command(const Words& words);
int predict_command(const Words& words);
int score_command(const Words& words);
int route_command(const Words& words);
int import_trace_command(const Words& words);
int analyze_command(const Words& words);
int whatif_command(const Words& words);
int regret_command(const Words& words);
int transform_command(const Words& words);
int list_command(const Words& words);
int check_command(const Words& words);
int bench_command(const Words& words);
int info_command(const Words& words);
int reference_command(const Words& words);

// The options and --help of each subcommand.
Arguments run_arguments();
Arguments status_arguments();
Arguments verify_arguments();
Arguments compare_arguments();
Arguments export_arguments();
Arguments explain_arguments();
Arguments plot_arguments();
Arguments report_arguments();
Arguments sample_arguments();
Arguments predict_arguments();
Arguments score_arguments();
Arguments route_arguments();
Arguments import_trace_arguments();
Arguments analyze_arguments();
Arguments whatif_arguments();
Arguments regret_arguments();
Arguments transform_arguments();
Arguments list_arguments();
Arguments check_arguments();
Arguments bench_arguments();
Arguments info_arguments();
Arguments reference_arguments();

// Command is an entry of the table of subcommands.
struct Command {
  const char* name;
  const char* summary;
  Arguments (*arguments)();
  int (*run)(const Words&);
};

// All subcommands, sorted by name.
const std::vector<Command>& commands();

}  // namespace moesim

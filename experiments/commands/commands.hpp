// The subcommands of moesim. Each gets the words after its name and returns the exit code; results
// go to stdout, everything else to stderr. Mistakes throw Error.
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
int plot_command(const Words& words);
int report_command(const Words& words);
int sample_command(const Words& words);
int predict_command(const Words& words);
int list_command(const Words& words);
int check_command(const Words& words);
int bench_command(const Words& words);
int info_command(const Words& words);
int reference_command(const Words& words);

// The options of each and what --help says of them.
Arguments run_arguments();
Arguments status_arguments();
Arguments verify_arguments();
Arguments compare_arguments();
Arguments export_arguments();
Arguments plot_arguments();
Arguments report_arguments();
Arguments sample_arguments();
Arguments predict_arguments();
Arguments list_arguments();
Arguments check_arguments();
Arguments bench_arguments();
Arguments info_arguments();
Arguments reference_arguments();

struct Command {
  const char* name;
  const char* summary;
  Arguments (*arguments)();
  int (*run)(const Words&);
};

// All of them, in the order of their names.
const std::vector<Command>& commands();

}  // namespace moesim

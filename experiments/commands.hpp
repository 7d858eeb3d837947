// The subcommands of moesim. Each gets the words after its name and returns the exit code; results
// go to stdout, everything else to stderr. Mistakes throw Error.
#pragma once

#include <string>
#include <vector>

namespace moesim {

using Words = std::vector<std::string>;

int run_command(const Words& words);
int status_command(const Words& words);
int verify_command(const Words& words);
int compare_command(const Words& words);
int export_command(const Words& words);
int report_command(const Words& words);
int sample_command(const Words& words);
int predict_command(const Words& words);
int list_command(const Words& words);
int check_command(const Words& words);
int bench_command(const Words& words);
int plot_command(const Words& words);
int info_command(const Words& words);

}  // namespace moesim

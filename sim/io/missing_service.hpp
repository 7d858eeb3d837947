// Services of the system that a run can do without: a warning is given once, and work goes on.
#pragma once

#include <functional>
#include <string>

namespace moesim {

enum class Service { file_sync, folder_sync, locks, processes };

// True if this errno says that there is no such service here. EIO, ENOSPC or EDQUOT say that a
// service failed.
bool is_missing(int reason);

// Gives the warning, once per kind by this process and all that were forked from the same program.
void warn_missing(Service service, const std::string& message);

// Receives the warnings of this process from now on; without one they go to stderr.
using Warn = std::function<void(const std::string& line)>;
void send_warnings(Warn warn);

}  // namespace moesim

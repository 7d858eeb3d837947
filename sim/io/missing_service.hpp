// Warns once when the system lacks a service that a run can do without (fsync, file locks, more
// processes); the run continues.
#pragma once

#include <functional>
#include <string>

namespace moesim {

enum class Service { file_sync, folder_sync, locks, processes };

// True if this errno means that the service does not exist here; false for a service that failed
// (EIO, ENOSPC, EDQUOT).
bool is_missing(int reason);

// Emits the warning, once per kind for the program and all processes that it forks.
void warn_missing(Service service, const std::string& message);

// Sets the receiver of this process's warnings; the default is stderr.
using Warn = std::function<void(const std::string& line)>;
void send_warnings(Warn warn);

}  // namespace moesim

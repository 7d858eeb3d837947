// Stopping in good order.
#pragma once

namespace moesim {

// From now on SIGINT, SIGTERM and SIGUSR1 ask for a stop. A second SIGINT ends the process at once,
// with 130.
void catch_stop_signals();
bool stop_requested();

}  // namespace moesim

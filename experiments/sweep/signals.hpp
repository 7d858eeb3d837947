// Stopping in good order.
#pragma once

namespace moesim {

// For the process that supervises: SIGINT, SIGTERM, SIGUSR1, SIGXCPU (the limit of processor time)
// and, unless it is ignored (nohup), SIGHUP ask for a stop from now on.
void catch_stop_signals();

// For a process that trains: the same signals are held back and looked at between steps. No handler
// ever runs there, because kernels that were compiled at run time may use the stack pointer as they
// like: the frame of a handler would be written over what they work on.
void hold_stop_signals();

bool stop_requested();
// True after a second SIGINT, half a second after the first or later: exit without a checkpoint.
bool stop_at_once();

}  // namespace moesim

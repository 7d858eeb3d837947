// Handles the signals that stop training after the current step, with a checkpoint.
#pragma once

namespace moesim {

// For the supervisor: installs handlers for SIGINT, SIGTERM, SIGUSR1, SIGXCPU (limit of processor
// time) and, unless it is ignored (nohup), SIGHUP.
void catch_stop_signals();

// Gives these signals their default actions again: for a process that has nothing to write.
void release_stop_signals();

// For a process that trains: blocks the same signals, and stop_requested() polls them between
// steps. No handler may run there, because run-time compiled kernels may use the stack pointer
// freely, and the handler's frame would overwrite their data.
void hold_stop_signals();

// True once a stop signal has arrived.
bool stop_requested();
// True after a second SIGINT, half a second after the first or later: exit without a checkpoint.
bool stop_at_once();

}  // namespace moesim

#pragma once

namespace llmtrain {

// Handlers set flags only. SIGTERM, SIGINT, SIGUSR1: the first asks for a stop, the second leaves at once with 75.
// SIGUSR2 asks for a save. SIGPIPE and SIGXFSZ are ignored: the write fails instead. SIGHUP is ignored: a run
// outlives its terminal.
// What hold_signals kept back is then let in.
void install_signal_handlers();

// Before exec(2): handlers end there, so these signals wait for those of the next program, which installs its own.
void hold_signals();

// True once a stop was asked for. Every loop that may run for long looks at it.
bool stop_requested();
// Throws stopped_error (75) saying what was stopped, if a stop was asked for: stop_point("tokenizing corpus.txt").
void stop_point(const char* what);
// True once after each SIGUSR2.
bool take_save_request();
// The signal that asked for the stop, 0 if none did.
int stop_signal();
// For tests: forgets what was asked.
void reset_signal_flags();

}  // namespace llmtrain

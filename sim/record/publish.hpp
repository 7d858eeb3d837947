// A file that appears whole or not at all.
#pragma once

#include <string>
#include <string_view>

namespace moesim {

// Writes a temporary (".NAME.tmp-PID") beside `path`, fsyncs it, renames it to `path` and fsyncs
// the folder. Throws Exit::output with the path and the system's reason; the temporary is gone then
// and `path` is as it was.
void publish_bytes(const std::string& path, std::string_view bytes);

}  // namespace moesim

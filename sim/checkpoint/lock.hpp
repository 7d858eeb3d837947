// One process per run folder.
#pragma once

#include <optional>
#include <string>

namespace moesim {

// Holds `folder` for this process and the children that it forks while it lives. The lock belongs
// to the open file, so the system releases it however the process ends; the file itself stays.
class FolderLock {
 public:
  // Throws Exit::locked naming the holder, or Exit::output.
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_ = -1;
};

// Who holds it ("process 123 on host"), asked without touching it; nothing if nobody does.
std::optional<std::string> lock_holder(const std::string& folder);

}  // namespace moesim

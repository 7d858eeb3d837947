// One process per run folder.
#pragma once

#include <optional>
#include <string>

namespace moesim {

// Holds `folder` for this process and the children that it forks while it lives. The lock belongs
// to the open file, so the system releases it however the process ends; the file itself stays.
class FolderLock {
 public:
  // Throws Exit::locked naming the holder, Exit::output, or Unreadable as require_own_lock().
  explicit FolderLock(const std::string& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

  // Is the file that this process has locked the one that stands in the folder? If somebody removed
  // or replaced it, another process may hold the folder as well. Throws Exit::locked then; to be
  // asked before anything is written.
  void require_held() const;

 private:
  std::string path_;
  int file_ = -1;
};

// Throws Unreadable (sim/io/file.hpp) if the lock file holds what another program or another
// version of moesim wrote.
void require_own_lock(const std::string& folder);

// Who holds it ("process 123 on host"), asked without touching it; nothing if nobody does.
std::optional<std::string> lock_holder(const std::string& folder);

}  // namespace moesim

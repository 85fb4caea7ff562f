#include "vigia/sources/module_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"
#include "vigia/sample/sample_json.h"
#include "vigia/sources/proc_files.h"
#include "vigia/sources/rows.h"

namespace vigia {
namespace {

// The kernel's sources have one schema number for both.
static_assert(kSampleSchema == VIGIA_SCHEMA);

base::Failure unavailable(const std::string& path, int error) {
  const std::string why = base::Error::from_errno(path, error).message();
  switch (error) {
    case ENOENT:
      return base::fail(base::Code::kUnavailable,
                        why + ": the module is not loaded (make module-install)");
    case EACCES:
      return base::fail(base::Code::kUnavailable,
                        why + ": only root and the module's group may read it");
    default: return base::fail(base::Code::kUnavailable, why);
  }
}

// A file of the module, which each read() gives from its start.
class ModuleFile {
 public:
  static base::Result<ModuleFile> open(std::string path) {
    ModuleFile file;
    file.path_ = std::move(path);
    RETURN_IF_ERROR(file.reopen());
    return file;
  }

  [[nodiscard]] const std::string& path() const { return path_; }

  base::Result<std::string_view> read() {
    // A file that was open when the module was replaced gives no more documents.
    if (auto text = read_open(); text || !has_gone_) return text;
    RETURN_IF_ERROR(reopen());
    return read_open();
  }

 private:
  base::Result<void> reopen() {
    has_gone_ = false;
    fd_ = base::UniqueFd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd_) return unavailable(path_, errno);
    return {};
  }

  base::Result<std::string_view> read_open() {
    const auto read = ::lseek(fd_.get(), 0, SEEK_SET) == 0
                          ? read_whole(fd_.get(), buffer_)
                          : tl::expected<std::string_view, int>(tl::unexpect, errno);
    if (read) return *read;
    has_gone_ = read.error() == EIO || read.error() == EINVAL;  // of read, of lseek
    return unavailable(path_, read.error());
  }

  std::string path_;
  base::UniqueFd fd_;
  bool has_gone_ = false;
  std::vector<char> buffer_;
};

class ModuleRows final : public RowStream {
 public:
  explicit ModuleRows(ModuleFile file) : file_(std::move(file)) {}

  [[nodiscard]] std::string_view name() const override { return "module"; }
  [[nodiscard]] std::string_view place() const override { return file_.path(); }
  [[nodiscard]] base::Result<std::string_view> read() override { return file_.read(); }

 private:
  ModuleFile file_;
};

// Whether the process ended after the module found it and before it read it.
bool has_ended(const Process& process) { return process.threads == 0; }

class ModuleJson final : public Source {
 public:
  ModuleJson(ModuleFile file, ProcFiles proc) : file_(std::move(file)), proc_(std::move(proc)) {}

  [[nodiscard]] std::string_view name() const override { return "module-json"; }

  [[nodiscard]] base::Result<void> read(Sample& sample) override {
    ASSIGN_OR_RETURN(const auto text, file_.read());
    if (auto parsed = reader_.read(text, sample); !parsed) {
      return base::fail(parsed.error().code(),
                        fmt::format("{}: {}", file_.path(), parsed.error().message()));
    }
    sample.source = name();
    std::erase_if(sample.processes, has_ended);
    // A module cannot know the size of the swap space.
    if (sample.memory.swap_total_bytes) return {};
    Memory memory;
    RETURN_IF_ERROR(proc_.read_memory(memory));
    sample.memory.swap_total_bytes = memory.swap_total_bytes;
    return {};
  }

 private:
  ModuleFile file_;
  ProcFiles proc_;
  SampleReader reader_;
};

}  // namespace

base::Result<std::unique_ptr<RowStream>> open_module_rows(const std::string& proc) {
  ASSIGN_OR_RETURN(auto file, ModuleFile::open(proc + "/vigia_bin"));
  return std::make_unique<ModuleRows>(std::move(file));
}

base::Result<std::unique_ptr<Source>> open_module_json(const std::string& proc) {
  ASSIGN_OR_RETURN(auto file, ModuleFile::open(proc + "/vigia"));
  ASSIGN_OR_RETURN(auto files, ProcFiles::open(proc));
  return std::make_unique<ModuleJson>(std::move(file), std::move(files));
}

}  // namespace vigia

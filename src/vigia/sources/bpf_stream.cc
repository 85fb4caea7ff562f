#include "vigia/sources/bpf_stream.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <fmt/format.h>
#include <processes.skel.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/c_deleter.h"
#include "base/unique_fd.h"
#include "vigia/sources/rows.h"

namespace vigia {
namespace {

// The warnings of libbpf while this thread loads a program, with the words of the kernel's
// verifier.
thread_local std::string heard;

int listen(libbpf_print_level level, const char* format, std::va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  std::va_list again;
  va_copy(again, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, again);
  va_end(again);
  if (length <= 0) return length;
  const std::size_t before = heard.size();
  heard.resize(before + static_cast<std::size_t>(length) + 1);  // and NUL
  std::vsnprintf(heard.data() + before, heard.size() - before, format, arguments);
  heard.pop_back();
  return length;
}

// The verifier's last line before its figures, which gives the reason.
std::string_view verifiers_reason() {
  const std::size_t end = heard.rfind("\nprocessed ");
  if (end == std::string::npos) return {};
  const std::size_t begin = heard.rfind('\n', end - 1);
  return std::string_view(heard).substr(begin + 1, end - begin - 1);
}

base::Failure unavailable(const std::string& what, int error) {
  std::string why = base::Error::from_errno(what, error).message();
  if (const std::string_view reason = verifiers_reason(); !reason.empty()) {
    why += fmt::format(": {}", reason);
  } else if (error == EPERM || error == EACCES) {
    why += ": it needs root, or CAP_BPF and CAP_PERFMON";
  }
  return base::fail(base::Code::kUnavailable, std::move(why));
}

class BpfRows final : public RowStream {
 public:
  using Program = std::unique_ptr<processes_bpf, base::CDeleter<&processes_bpf::destroy>>;

  explicit BpfRows(Program program) : program_(std::move(program)) {}

  [[nodiscard]] std::string_view name() const override { return "bpf"; }
  [[nodiscard]] std::string_view place() const override { return "the BPF iterator"; }

  [[nodiscard]] base::Result<std::string_view> read() override {
    // An iterator gives the processes once.
    const base::UniqueFd iterator(
        ::bpf_iter_create(::bpf_link__fd(program_->links.vigia_processes)));
    if (!iterator) return unavailable("starting the BPF iterator", errno);
    const auto read = read_whole(iterator.get(), buffer_);
    if (!read) return unavailable("reading the BPF iterator", read.error());
    return *read;
  }

 private:
  Program program_;
  std::vector<char> buffer_;
};

}  // namespace

base::Result<std::unique_ptr<RowStream>> open_bpf_rows() {
  heard.clear();
  ::libbpf_set_print(listen);
  BpfRows::Program program(processes_bpf::open());
  if (!program) return unavailable("opening the BPF program", errno);
  const auto page_bytes = static_cast<unsigned>(::sysconf(_SC_PAGESIZE));
  program->rodata->page_shift = static_cast<__u32>(std::countr_zero(page_bytes));
  if (const int error = processes_bpf::load(program.get()); error != 0) {
    return unavailable("loading the BPF program", -error);
  }
  if (const int error = processes_bpf::attach(program.get()); error != 0) {
    return unavailable("attaching the BPF program", -error);
  }
  return std::make_unique<BpfRows>(std::move(program));
}

}  // namespace vigia

// `estadio faculty`: takes entries over HTTP and has discipline servers judge them over gRPC.
//
//   HTTP loops (FacultyService) -> JudgeClient -> gRPC streams
#include <fmt/format.h>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/units.h"
#include "estadio/app/commands.h"
#include "estadio/app/contest_options.h"
#include "estadio/app/contest_role.h"
#include "estadio/app/edge_options.h"
#include "estadio/app/grpc_tls_options.h"
#include "estadio/app/server_list.h"
#include "estadio/contest/manifest.h"
#include "estadio/faculty/edge_stats.h"
#include "estadio/faculty/faculty_service.h"
#include "estadio/rpc/judge_channels.h"
#include "service/http_host.h"
#include "service/http_options.h"
#include "service/log_settings.h"
#include "service/role.h"

namespace estadio {
namespace {

using std::chrono::milliseconds;

// A loop sends a batch when the one before is answered. Batches so become large under load, which
// makes Kafka fast, and a single entry does not wait.
constexpr std::size_t kBatchesAtJudge = 1;

struct FacultyOptions {
  std::string disciplines = "127.0.0.1:7001";
  GrpcTlsOptions tls;
  std::int64_t streams = 1;
  std::string faculty;
  std::string contest_file;
  EdgeOptions edge;
  std::chrono::nanoseconds batch_linger = std::chrono::milliseconds(1);
  service::HttpOptions http;
  base::Logger::Options log;
};

void add_settings(base::Settings& settings, FacultyOptions& options) {
  options.http.add_to(settings);
  settings.add(
      "disciplines", options.disciplines, "HOST:PORT[,…]",
      "discipline servers; when a name has several addresses, the streams spread over them");
  options.tls.add_to(settings, GrpcTlsOptions::Side::kClient);
  settings.add("streams", options.streams, 1,
               static_cast<std::int64_t>(JudgeChannels::kStreamsPerAddressMax),
               "streams from each HTTP thread to each HOST:PORT; use several when HOST names "
               "several servers");
  settings.add("faculty", options.faculty, "NAME",
               "the one faculty to take entries for; default: all");
  add_contest_setting(settings, options.contest_file);
  options.edge.add_to(settings);
  settings.add(
      "batch-linger", options.batch_linger, milliseconds(0), milliseconds(100),
      "longest wait of a batch for more requests, when it has fewer than the batch before");
  service::add_log_settings(settings, options.log);
}

base::Result<std::optional<FacultyIndex>> only_faculty(const FacultyOptions& options,
                                                       const Contest& contest) {
  if (options.faculty.empty()) return std::nullopt;
  if (const auto found = contest.find_faculty(options.faculty)) return found;
  std::vector<std::string_view> known;
  for (const Faculty& each : contest.faculties()) known.push_back(each.name);
  return base::fail(base::Code::kInvalidArgument,
                    fmt::format("faculty: unknown name '{}': expected one of {}", options.faculty,
                                fmt::join(known, ", ")));
}

base::Result<void> check(const FacultyOptions& options) {
  ASSIGN_OR_RETURN(const Contest contest, load_contest(options.contest_file));
  RETURN_IF_ERROR(only_faculty(options, contest));
  RETURN_IF_ERROR(check_servers("disciplines", options.disciplines));
  RETURN_IF_ERROR(options.tls.check(GrpcTlsOptions::Side::kClient));
  RETURN_IF_ERROR(options.edge.check(options.http));
  return options.http.check();
}

// The members are in the order of construction.
class FacultyRole final : public service::Role {
 public:
  FacultyRole(const FacultyOptions& options, Contest contest, const service::Context& context)
      : options_(options), contest_(std::move(contest)), context_(context) {}

  base::Result<void> open() override;
  void serve() override { http_->serve(); }
  void stop() override {
    http_->stop();
    channels_->stop();
  }
  [[nodiscard]] std::optional<std::string> unready_reason() const override;
  void write_metrics(base::MetricsWriter& metrics) const override;

 private:
  base::Result<void> open_channels();

  const FacultyOptions& options_;
  const Contest contest_;
  const service::Context context_;
  EdgeStats edge_stats_;
  std::unique_ptr<JudgeChannels> channels_;
  std::unique_ptr<FacultyEdge> edge_;
  std::unique_ptr<service::HttpHost> http_;
};

base::Result<void> FacultyRole::open() {
  RETURN_IF_ERROR(open_channels());
  ASSIGN_OR_RETURN(const auto only, only_faculty(options_, contest_));
  FacultyEdge::Limits limits = options_.edge.to_limits();
  limits.batches_at_judge = kBatchesAtJudge;
  limits.batch_linger = options_.batch_linger;
  edge_.reset(new FacultyEdge{.contest = contest_,
                              .judges = channels_->clocks(),
                              .edge_stats = edge_stats_,
                              .clock = context_.clock,
                              .make_judge = [this] { return channels_->make_judge(); },
                              .limits = limits,
                              .only = only});
  ASSIGN_OR_RETURN(http_, service::HttpHost::open(options_.http, {[this] {
                                                    return std::make_unique<FacultyService>(*edge_);
                                                  }},
                                                  *this, context_));
  return {};
}

base::Result<void> FacultyRole::open_channels() {
  ASSIGN_OR_RETURN(
      channels_,
      JudgeChannels::open({.addresses = split_list(options_.disciplines),
                           .tls = options_.tls.to_files(),
                           .coin_commitment = {},
                           .streams_per_address = static_cast<std::size_t>(options_.streams),
                           .answer_timeout = std::chrono::duration_cast<milliseconds>(
                               options_.edge.durability_timeout),
                           .seed = static_cast<std::uint64_t>(context_.clock.mono().count())},
                          {.contest = contest_, .clock = context_.clock, .log = context_.log}));
  return {};
}

std::optional<std::string> FacultyRole::unready_reason() const {
  if (auto why = channels_->unready_reason()) return why;
  if (!channels_->clocks().now()) return "no discipline server has sent its time yet";
  return std::nullopt;
}

void FacultyRole::write_metrics(base::MetricsWriter& metrics) const {
  estadio::write_metrics(metrics, *edge_);
  estadio::write_metrics(metrics, channels_->stats());
  estadio::write_metrics(metrics, channels_->clocks());
}

}  // namespace

int run_faculty(base::Arguments arguments) {
  FacultyOptions options;
  base::Settings settings = program().settings_for(
      "faculty",
      "Takes entries over HTTP, for all faculties or for one. Sends them to discipline "
      "servers.\nAnswers when the results are durable. Several faculty servers may serve the same "
      "contest.",
      "  estadio faculty --http 127.0.0.1:8080 --disciplines 127.0.0.1:7001\n"
      "  estadio faculty --http 0.0.0.0:8080 --disciplines natacion:7001,boxeo:7001 "
      "--faculty ingenieria\n");
  add_settings(settings, options);
  settings.add_check([&options] { return check(options); });
  if (const auto status = program().load_settings(settings, arguments)) return *status;
  return run_contest_role<FacultyRole>(options);
}

}  // namespace estadio

#include "flashsale/outbound/http_client.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <new>
#include <utility>

#include "flashsale/model/check.hpp"

namespace flashsale::outbound {
namespace {

constexpr long kConnectTimeMs = 5000;
constexpr std::size_t kHeadBytesMax = 65'536;
constexpr int kPollMs = 1000;

struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

CurlList list_of(const std::vector<std::string>& headers) {
  CurlList list;
  const auto add = [&list](const char* field) {
    list.reset(curl_slist_append(list.release(), field));
    if (!list) throw std::bad_alloc();
  };
  add("Expect:");  // empty: such a field is not sent
  for (const auto& header : headers) add(header.c_str());
  return list;
}

/// What one call has run into.
struct Progress {
  const HttpClient::Options& options;
  HttpClient::Answer& answer;
  bool was_refused_address = false;
  std::size_t body_bytes = 0;
  std::size_t head_bytes = 0;
};

curl_socket_t open_socket(void* progress, curlsocktype purpose, curl_sockaddr* address) {
  auto& of = *static_cast<Progress*>(progress);
  const auto& may_connect = of.options.may_connect;
  if (purpose != CURLSOCKTYPE_IPCXN || (may_connect && !may_connect(address->addr))) {
    of.was_refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// A body that tells nothing is read all the same, so that the connection can be used again.
std::size_t take_body(char* data, std::size_t size, std::size_t count, void* progress) {
  auto& of = *static_cast<Progress*>(progress);
  of.body_bytes += size * count;
  if (of.body_bytes > of.options.body_bytes_max) return 0;
  if (of.options.keeps_body) of.answer.body.append(data, size * count);
  return size * count;
}

std::size_t skip_head(char*, std::size_t size, std::size_t count, void* progress) {
  auto& bytes = static_cast<Progress*>(progress)->head_bytes;
  bytes += size * count;
  return bytes > kHeadBytesMax ? 0 : size * count;
}

void conclude(CURLcode code, const Progress& progress, HttpClient::Answer& answer) {
  using End = HttpClient::End;
  if (code == CURLE_OK) {
    answer.end = End::answered;
  } else if (code == CURLE_WRITE_ERROR && progress.body_bytes > progress.options.body_bytes_max) {
    answer.end = End::body_too_large;
  } else if (code == CURLE_WRITE_ERROR) {
    answer.end = End::head_too_large;
  } else if (progress.was_refused_address) {
    answer.end = End::address_refused;
  } else {
    answer.error = curl_easy_strerror(code);
  }
}

CURLM* make_multi() {
  static std::once_flag once;
  std::call_once(once, [] { FLASHSALE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
  return curl_multi_init();
}

}  // namespace

struct HttpClient::State {
  explicit State(Options chosen) : options(std::move(chosen)), multi(make_multi()), easy(curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
  }
  ~State() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void prepare(const Request& request, const curl_slist* headers, Progress& progress) const;
  [[nodiscard]] CURLcode run();

  Options options;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  std::atomic<bool> is_interrupted{false};
};

void HttpClient::State::prepare(const Request& request, const curl_slist* headers, Progress& progress) const {
  curl_easy_reset(easy);
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_PROTOCOLS_STR, options.https_only ? "https" : "http,https");
#if LIBCURL_VERSION_NUM >= 0x075700
  // A name that nobody resolves must not hold up the end.
  set(CURLOPT_QUICK_EXIT, 1L);
#endif
  set(CURLOPT_URL, request.url.c_str());
  if (request.body) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_POSTFIELDS, request.body->data());
  }
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, "flashsaled/" FLASHSALE_VERSION);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeMs);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_max.count()));
  set(CURLOPT_TCP_NODELAY, 1L);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, &progress);
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, &progress);
  set(CURLOPT_HEADERFUNCTION, &skip_head);
  set(CURLOPT_HEADERDATA, &progress);
}

/// Until it has ended, or interrupt() was called.
CURLcode HttpClient::State::run() {
  int running = 1;
  while (!is_interrupted) {
    if (curl_multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    if (running == 0) break;
    curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
  }
  int left = 0;
  const CURLMsg* message = curl_multi_info_read(multi, &left);
  return message != nullptr && message->msg == CURLMSG_DONE ? message->data.result : CURLE_ABORTED_BY_CALLBACK;
}

HttpClient::HttpClient(Options options) : state_(std::make_unique<State>(std::move(options))) {}
HttpClient::~HttpClient() = default;

HttpClient::Answer HttpClient::send(const Request& request) {
  Answer answer;
  Progress progress{.options = state_->options, .answer = answer};
  const auto headers = list_of(request.headers);
  const auto started = std::chrono::steady_clock::now();
  state_->prepare(request, headers.get(), progress);
  if (curl_multi_add_handle(state_->multi, state_->easy) != CURLM_OK) {
    answer.error = "the request cannot be made";
    return answer;
  }
  const auto code = state_->run();
  long status = 0;
  curl_easy_getinfo(state_->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(state_->multi, state_->easy);
  answer.status = static_cast<int>(status);
  conclude(code, progress, answer);
  answer.time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return answer;
}

void HttpClient::interrupt() {
  state_->is_interrupted = true;
  curl_multi_wakeup(state_->multi);
}

bool HttpClient::is_interrupted() const { return state_->is_interrupted; }

}  // namespace flashsale::outbound

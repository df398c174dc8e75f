#include "flashsale/events/webhook_client.hpp"

#include <curl/curl.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>
#include <string_view>

#include "flashsale/identity/public_address.hpp"
#include "flashsale/model/check.hpp"

namespace flashsale::events {
namespace {

constexpr long kConnectTimeMs = 5000;
constexpr long kTotalTimeMs = 10'000;
/// Of an answer's body, and of its head: no more is read.
constexpr std::size_t kAnswerBytesMax = 65'536;
constexpr int kPollMs = 1000;

struct CurlListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using CurlList = std::unique_ptr<curl_slist, CurlListDeleter>;

CurlList list_of(const std::vector<std::string>& headers) {
  CurlList list;
  // Empty: such a field is not sent.
  for (const char* field : {"Expect:", "Accept:"}) list.reset(curl_slist_append(list.release(), field));
  for (const auto& header : headers) list.reset(curl_slist_append(list.release(), header.c_str()));
  return list;
}

/// What one request has run into.
struct Progress {
  bool allow_private = false;
  bool was_refused_address = false;
  std::size_t body_bytes = 0;
  std::size_t head_bytes = 0;
};

curl_socket_t open_socket(void* progress, curlsocktype purpose, curl_sockaddr* address) {
  auto& of = *static_cast<Progress*>(progress);
  const bool is_allowed =
      purpose == CURLSOCKTYPE_IPCXN && (of.allow_private || identity::is_public_address(address->addr));
  if (!is_allowed) {
    of.was_refused_address = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/// The answer's body tells nothing; it is read so that the connection can be used again.
std::size_t skip_body(char*, std::size_t size, std::size_t count, void* progress) {
  auto& bytes = static_cast<Progress*>(progress)->body_bytes;
  bytes += size * count;
  return bytes > kAnswerBytesMax ? 0 : size * count;
}

std::size_t skip_head(char*, std::size_t size, std::size_t count, void* progress) {
  auto& bytes = static_cast<Progress*>(progress)->head_bytes;
  bytes += size * count;
  return bytes > kAnswerBytesMax ? 0 : size * count;
}

std::string error_of_status(int status) {
  if (status >= 200 && status < 300) return {};
  const auto text = "answered " + std::to_string(status);
  return status >= 300 && status < 400 ? text + ": redirects are not followed" : text;
}

std::string error_of(CURLcode code, const Progress& progress, int status) {
  // Whoever has more to say has been understood.
  if (code == CURLE_WRITE_ERROR && progress.body_bytes > kAnswerBytesMax) return error_of_status(status);
  if (code == CURLE_OK) return error_of_status(status);
  if (progress.was_refused_address) return "its address is private, local or reserved";
  if (code == CURLE_WRITE_ERROR) return "the head of its answer is too large";
  return curl_easy_strerror(code);
}

void initialise() {
  static std::once_flag once;
  std::call_once(once, [] { FLASHSALE_CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK); });
}

CURLM* make_multi() {
  initialise();
  return curl_multi_init();
}

}  // namespace

struct WebhookClient::State {
  explicit State(const WebhookOptions& chosen) : options(chosen), multi(make_multi()), easy(curl_easy_init()) {
    if (multi == nullptr || easy == nullptr) throw std::bad_alloc();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
  }
  ~State() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void prepare(const WebhookMessage& message, const curl_slist* headers, Progress& progress) const;
  [[nodiscard]] CURLcode run();

  WebhookOptions options;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
  std::atomic<bool> is_interrupted{false};
};

void WebhookClient::State::prepare(const WebhookMessage& message, const curl_slist* headers, Progress& progress) const {
  curl_easy_reset(easy);
  const auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  const bool may_be_clear = options.allow_http || options.allow_private;
  set(CURLOPT_PROTOCOLS_STR, may_be_clear ? "http,https" : "https");
#if LIBCURL_VERSION_NUM >= 0x075700
  // A name that nobody resolves must not hold up the end.
  set(CURLOPT_QUICK_EXIT, 1L);
#endif
  set(CURLOPT_URL, message.url.c_str());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(message.body.size()));
  set(CURLOPT_POSTFIELDS, message.body.c_str());
  set(CURLOPT_HTTPHEADER, headers);
  set(CURLOPT_USERAGENT, "flashsaled/" FLASHSALE_VERSION);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeMs);
  set(CURLOPT_TIMEOUT_MS, kTotalTimeMs);
  set(CURLOPT_TCP_NODELAY, 1L);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, &progress);
  set(CURLOPT_WRITEFUNCTION, &skip_body);
  set(CURLOPT_WRITEDATA, &progress);
  set(CURLOPT_HEADERFUNCTION, &skip_head);
  set(CURLOPT_HEADERDATA, &progress);
}

/// Until it has ended, or interrupt() was called.
CURLcode WebhookClient::State::run() {
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

WebhookClient::WebhookClient(const WebhookOptions& options) : state_(std::make_unique<State>(options)) {}
WebhookClient::~WebhookClient() = default;

WebhookClient::Answer WebhookClient::post(const WebhookMessage& message) {
  Progress progress{.allow_private = state_->options.allow_private};
  const auto headers = list_of(message.headers);
  const auto started = std::chrono::steady_clock::now();
  state_->prepare(message, headers.get(), progress);
  Answer answer;
  if (curl_multi_add_handle(state_->multi, state_->easy) != CURLM_OK) {
    answer.error = "the request cannot be made";
    return answer;
  }
  const auto code = state_->run();
  long status = 0;
  curl_easy_getinfo(state_->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(state_->multi, state_->easy);
  answer.status = static_cast<int>(status);
  answer.error = error_of(code, progress, answer.status);
  answer.is_interrupted = !answer.is_taken() && state_->is_interrupted;
  answer.time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  return answer;
}

void WebhookClient::interrupt() {
  state_->is_interrupted = true;
  curl_multi_wakeup(state_->multi);
}

}  // namespace flashsale::events

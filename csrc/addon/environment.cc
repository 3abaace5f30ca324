#include "addon/environment.h"

namespace lmspt::addon {

Environment::Environment(Napi::Env env) : env_(env) {
  const napi_threadsafe_function_call_js call_js = [](napi_env env, napi_value, void* context, void* data) {
    std::unique_ptr<Completion> completion(static_cast<Completion*>(data));
    if (!env) return;  // the environment is going down
    Environment& self = *static_cast<Environment*>(context);
    Napi::HandleScope scope(env);
    try {
      (*completion)(Napi::Env(env));
    } catch (const Napi::Error&) {
      // A worker that is being terminated runs no JavaScript any more: nobody is left to be told.
    }
    if (--self.pending_ == 0) napi_unref_threadsafe_function(env, self.completions_);
  };
  napi_create_threadsafe_function(env, nullptr, nullptr, Napi::String::New(env, "lmspt"), 0, 1, nullptr, nullptr, this,
                                  call_js, &completions_);
  napi_unref_threadsafe_function(env, completions_);
  napi_add_env_cleanup_hook(env, [](void* self) { static_cast<Environment*>(self)->shut_down(); }, this);
}

// Joins the device threads first, so that nothing calls back afterwards.
void Environment::shut_down() {
  for (const auto& thread : threads_) thread->stop();
  threads_.clear();
  napi_release_threadsafe_function(completions_, napi_tsfn_abort);
}

Napi::Error Environment::make_error(Napi::Env env, ErrorCode code, const std::string& message) const {
  if (error_class.IsEmpty()) return Napi::Error::New(env, message);
  const Napi::Object error =
      error_class.New({Napi::String::New(env, error_code_name(code)), Napi::String::New(env, message)});
  return Napi::Error(env, error);
}

void Environment::retire(const std::shared_ptr<DeviceThread>& thread) {
  const bool posted = thread->post([this, thread] {
    complete(new Completion([this, thread](Napi::Env) {
      release(thread);
      thread->stop();
    }));
  });
  if (posted) work_begins(env_);
  thread->finish();
}

void Environment::work_begins(Napi::Env env) {
  if (pending_++ == 0) napi_ref_threadsafe_function(env, completions_);
}

void Environment::complete(Completion* completion) {
  if (napi_call_threadsafe_function(completions_, completion, napi_tsfn_blocking) != napi_ok) delete completion;
}

}  // namespace lmspt::addon
